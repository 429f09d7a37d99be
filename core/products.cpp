// SPDX-License-Identifier: MIT
#include "core/products.h"

#include <algorithm>

#include "core/gemm.h"

namespace proxima {
namespace {

constexpr size_t kRowsPerTask = 32;  // of W: small enough to stay in the first cache levels while x streams by

// From here on a library's GEMM beats reading W once for every few rows.
constexpr size_t kGemmRows = 16;

template <class T>
void fixed_order(const Compute& compute, const T* x, size_t n_rows, const Matrix& w, T* y) {
  const auto& arithmetic = compute.kernels->of<T>();
  const size_t n_tasks = (w.n_out + kRowsPerTask - 1) / kRowsPerTask;
#pragma omp parallel for schedule(static) num_threads(compute.threads_for(n_rows * w.n_out * w.n_in))
  for (size_t task = 0; task < n_tasks; ++task) {
    const size_t first = task * kRowsPerTask;
    const size_t count = std::min(kRowsPerTask, w.n_out - first);
    arithmetic.dot(x, w.n_in, n_rows, w.rows.from(first), count, w.n_in, y + first, w.n_out);
  }
}

}  // namespace

Products::Products(const Compute& compute, Precision precision)
    : compute_(compute), gemm_(precision == Precision::kFast ? std::make_unique<Gemm>(compute) : nullptr) {}

Products::~Products() = default;

template <class T>
void Products::linear(const T* x, size_t n_rows, const Matrix& w, const T* bias, T* y) {
  if constexpr (std::is_same_v<T, float>) {
    if (gemm_ != nullptr && n_rows >= kGemmRows) {
      gemm_->multiply(x, n_rows, w, y);
    } else {
      fixed_order(compute_, x, n_rows, w, y);
    }
  } else {
    fixed_order(compute_, x, n_rows, w, y);
  }
  if (bias == nullptr) return;
  for (size_t r = 0; r < n_rows; ++r) compute_.kernels->of<T>().add(y + r * w.n_out, bias, w.n_out);
}

template void Products::linear(const float*, size_t, const Matrix&, const float*, float*);
template void Products::linear(const double*, size_t, const Matrix&, const double*, double*);

}  // namespace proxima
