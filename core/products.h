// SPDX-License-Identifier: MIT
// Products of activations with stored weight matrices, y = x W^T + b, in the order that the precision promises.
#pragma once

#include <cstddef>
#include <memory>

#include "core/compute.h"
#include "core/matrix.h"

namespace proxima {

class Gemm;

// One per running sequence: it keeps scratch and library primitives. Not thread-safe; it uses compute.n_threads itself.
class Products {
 public:
  Products(const Compute& compute, Precision precision);
  ~Products();

  // y [n_rows, w.n_out] = x [n_rows, w.n_in] W^T + bias, bias [w.n_out] or null. Dense rows. f64 and f32: every element
  // is one fixed-order dot product. fast: the same for few rows (bound by memory), a library's GEMM for many.
  template <class T>
  void linear(const T* x, size_t n_rows, const Matrix& w, const T* bias, T* y);

 private:
  Compute compute_;
  std::unique_ptr<Gemm> gemm_;  // only in fast
};

}  // namespace proxima
