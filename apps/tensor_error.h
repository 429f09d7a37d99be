// SPDX-License-Identifier: MIT
// How far one stored tensor is from another: the numbers of `compare`, computed in double.
#pragma once

#include <cstddef>
#include <optional>

#include "core/dtype.h"

namespace proxima {

// A stored tensor as [n_heads, n_rows, n_columns]; the elements of a row are dense. Owns nothing.
struct RowsView {
  const std::byte* data = nullptr;  // may start at any byte
  DType dtype = DType::kF32;        // F64, F32, F16 or BF16
  size_t n_heads = 1;
  size_t n_rows = 0;
  size_t n_columns = 0;
  size_t head_stride = 0;  // elements
  size_t row_stride = 0;

  size_t n_elements() const { return n_heads * n_rows * n_columns; }
};

// An element agrees if |got - ref| <= atol + rtol |ref|.
struct ElementLimit {
  double atol = 0;
  double rtol = 0;
};

struct NonFiniteCount {
  size_t n_nan = 0;
  size_t n_infinite = 0;
};

struct Element {
  size_t head = 0;
  size_t row = 0;
  size_t column = 0;
  double ref = 0;
  double got = 0;
};

// Sums run over the elements that are finite in both. An infinity that both have, with its sign, is an error of 0: that
// is how a masked logit is written.
struct TensorError {
  double max_abs = 0;
  double mean_abs = 0;
  double nmse = 0;    // sum (got - ref)^2 / sum ref^2; infinity where only the reference is all zero
  double cosine = 1;  // 0 where exactly one of the two is all zero
  NonFiniteCount ref;
  NonFiniteCount got;
  size_t n_unlike = 0;           // not finite in one, and not the same infinity in the other
  size_t n_beyond = 0;           // beyond the limit; those of n_unlike included
  std::optional<Element> first;  // of n_beyond, lowest row first
  std::optional<Element> worst;  // the largest absolute error
};

// Both must have the same n_heads, n_rows and n_columns.
TensorError measure_error(const RowsView& ref, const RowsView& got, const ElementLimit& limit);

// Of rows of logits.
struct TopAgreement {
  size_t k = 0;
  double top1 = 0;   // share of rows with the same largest entry
  double top_k = 0;  // mean share of the reference's k largest entries that are among the other's
};

// k is lowered to the number of columns; of equal entries the lower index counts as larger.
TopAgreement measure_top(const RowsView& ref, const RowsView& got, size_t k);

}  // namespace proxima
