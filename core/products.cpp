// SPDX-License-Identifier: MIT
#include "core/products.h"

#include <algorithm>
#include <array>
#include <vector>

#include "core/bf16_row_kernels.h"
#include "core/gemm.h"
#include "core/int8_products.h"
#include "core/task_runs.h"

namespace proxima {
namespace {

constexpr size_t kRowsPerTask = 32;  // of W: small enough to stay in the first cache level while x streams by

// From here on a GEMM beats reading W once for every few rows.
constexpr size_t kGemmRows = 16;

// From here on an x in float crowds the first cache level: rounded to bf16, products of one row are up to 12 % faster.
constexpr size_t kWide = 2048;

constexpr size_t kMostProducts = 3;  // of one x: q, k and v

template <class T>
void add_bias(const Arithmetic<T>& arithmetic, const Product<T>& product, size_t n_rows, size_t first, size_t count) {
  for (size_t row = 0; product.bias != nullptr && row < n_rows; ++row) {
    arithmetic.add(product.y + row * product.w.n_out + first, product.bias + first, count);
  }
}

// A decode step is a few hundred of these and each parallel region costs microseconds, so the tasks of all products
// are dealt out in one.
template <class T>
void dot_products(const Compute& compute, const Arithmetic<T>& arithmetic, const T* x, size_t n_rows,
                  std::initializer_list<Product<T>> products) {
  size_t n_multiply_adds = 0;
  for (const Product<T>& product : products) n_multiply_adds += n_rows * product.w.n_out * product.w.n_in;
  const auto n_tasks_of = [](const Product<T>& product) { return (product.w.n_out + kRowsPerTask - 1) / kRowsPerTask; };
  for_each_task(compute.threads_for(n_multiply_adds), products, n_tasks_of,
                [&](size_t /*thread*/, const Product<T>& product, size_t task) {
                  const Matrix& w = product.w;
                  const size_t first = task * kRowsPerTask;
                  const size_t count = std::min(kRowsPerTask, w.n_out - first);
                  arithmetic.dot(x, w.n_in, n_rows, w.rows.from(first), count, w.n_in, product.y + first, w.n_out);
                  add_bias(arithmetic, product, n_rows, first, count);
                });
}

}  // namespace

Products::Products(const Compute& compute, Precision precision)
    : compute_(compute),
      wide_(arithmetic_for<float>(compute, precision)),
      gemm_(precision == Precision::kFast ? std::make_unique<Gemm>(compute) : nullptr),
      int8_(precision == Precision::kFast ? std::make_unique<Int8Products>(compute) : nullptr) {}

Products::~Products() = default;

template <>
const Arithmetic<float>& Products::arithmetic<float>(size_t n_in) const {
  return n_in >= kWide ? wide_ : compute_.kernels->f32;
}
template <>
const Arithmetic<double>& Products::arithmetic<double>(size_t /*n_in*/) const {
  return compute_.kernels->f64;
}

void Products::quantized(const float* x, size_t n_rows, std::initializer_list<Product<float>> products) {
  std::array<Int8Products::Product, kMostProducts> all;
  size_t n = 0;
  for (const Product<float>& product : products) all[n++] = {product.w.int8, product.y};
  int8_->multiply(x, n_rows, products.begin()->w.n_in, std::span(all).first(n));
  for (const Product<float>& product : products) {
    add_bias(compute_.kernels->f32, product, n_rows, 0, product.w.n_out);
  }
}

template <class T>
void Products::linear(const T* x, size_t n_rows, std::initializer_list<Product<T>> products) {
  if constexpr (std::is_same_v<T, float>) {
    if (int8_ != nullptr && products.begin()->w.int8 != nullptr) return quantized(x, n_rows, products);
    if (gemm_ != nullptr && n_rows >= kGemmRows) {
      std::vector<GemmProduct> all;
      for (const Product<T>& product : products) all.push_back({product.w, product.y});
      gemm_->multiply(x, n_rows, products.begin()->w.n_in, all);
      for (const Product<T>& product : products) {
        add_bias(compute_.kernels->f32, product, n_rows, 0, product.w.n_out);
      }
      return;
    }
  }
  dot_products(compute_, arithmetic<T>(products.begin()->w.n_in), x, n_rows, products);
}

template void Products::linear(const float*, size_t, std::initializer_list<Product<float>>);
template void Products::linear(const double*, size_t, std::initializer_list<Product<double>>);

}  // namespace proxima
