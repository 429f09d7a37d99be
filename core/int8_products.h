// SPDX-License-Identifier: MIT
// Products of activations with quantized weights: x is quantized as it comes, sums are exact integers.
#pragma once

#include <span>
#include <vector>

#include "core/int8_matrix.h"

namespace proxima {

// One per running sequence: it keeps the quantized activations. Not thread-safe; it uses compute.n_threads itself.
class Int8Products {
 public:
  explicit Int8Products(const Compute& compute);

  struct Product {
    const Int8Matrix* w = nullptr;
    float* y = nullptr;  // [n_rows, w->n_out()]
  };
  // Products of the same x [n_rows, n_in]. The same bits for any number of threads, rows at a time, and target.
  void multiply(const float* x, size_t n_rows, size_t n_in, std::span<const Product> products);

  // The most it allocates for up to max_rows rows of up to max_in columns.
  static size_t scratch_bytes(size_t max_rows, size_t max_in);

 private:
  Int8Rows quantize(const float* x, size_t n_rows, size_t n_in);

  Compute compute_;
  Int8Kernels kernels_;
  std::vector<int8_t> steps_;
  std::vector<float> scales_;
  std::vector<int32_t> offsets_;
};

}  // namespace proxima
