// SPDX-License-Identifier: MIT
// A read-only tensor that somebody else owns (a mapped checkpoint, as a rule). Row-major and dense.
#pragma once

#include <cstddef>
#include <functional>
#include <numeric>
#include <vector>

#include "core/dtype.h"

namespace proxima {

struct TensorView {
  DType dtype = DType::kF32;
  std::vector<size_t> shape;
  const std::byte* data = nullptr;  // may start at any byte: never dereference as the element type

  size_t n_elements() const { return std::accumulate(shape.begin(), shape.end(), size_t{1}, std::multiplies<>()); }
  size_t n_bytes() const { return n_elements() * dtype_bytes(dtype); }
  bool empty() const { return data == nullptr; }
};

}  // namespace proxima
