// SPDX-License-Identifier: MIT
// Products of activations with stored weight matrices, y = x W^T + b, in the order that the precision promises.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>

#include "core/compute.h"
#include "core/matrix.h"

namespace proxima {

class Gemm;
class Int8Products;

// y [n_rows, w.n_out] = x [n_rows, w.n_in] W^T + bias; dense rows.
template <class T>
struct Product {
  const Matrix& w;
  const T* bias;  // [w.n_out] or null
  T* y;
};

// One per running sequence: it keeps scratch and library primitives. Not thread-safe; it uses compute.n_threads itself.
class Products {
 public:
  Products(const Compute& compute, Precision precision);
  ~Products();

  // Products of the same x; for few rows they share one parallel region. f64 and f32: every element is one fixed-order
  // dot product. fast: the same for few rows (bound by memory), but a wide x is rounded as core/bf16_row_kernels.h says;
  // a GEMM for many; quantized weights by exact integers, whatever the number. All products of a call are of
  // one kind.
  template <class T>
  void linear(const T* x, size_t n_rows, std::initializer_list<Product<T>> products);

 private:
  template <class T>
  const Arithmetic<T>& arithmetic(size_t n_in) const;
  void quantized(const float* x, size_t n_rows, std::initializer_list<Product<float>> products);

  Compute compute_;
  Arithmetic<float> wide_;              // for wide x; in fast it rounds
  std::unique_ptr<Gemm> gemm_;          // only in fast
  std::unique_ptr<Int8Products> int8_;  // likewise
};

}  // namespace proxima
