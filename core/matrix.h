// SPDX-License-Identifier: MIT
// A stored weight matrix [n_out, n_in]: row-major, dense, at any byte address.
#pragma once

#include <cstddef>

#include "core/kernels.h"
#include "core/tensor_view.h"

namespace proxima {

class Int8Matrix;

struct Matrix {
  StoredRows rows;
  size_t n_out = 0;
  size_t n_in = 0;
  const Int8Matrix* int8 = nullptr;  // the same quantized, which `fast` multiplies by instead; null if there is none

  static Matrix from(const TensorView& view) {
    return {{view.data, view.dtype, view.shape[1] * dtype_bytes(view.dtype)}, view.shape[0], view.shape[1], nullptr};
  }
};

// y [n_rows, w.n_out] = x W^T of an x that is given elsewhere; dense rows.
struct GemmProduct {
  Matrix w;
  float* y = nullptr;
};

}  // namespace proxima
