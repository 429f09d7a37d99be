// SPDX-License-Identifier: MIT
#include "core/gemm.h"

#include <cblas.h>
#include <omp.h>

#include <algorithm>

#include "core/bf16_gemm.h"

namespace proxima {
namespace {

constexpr size_t kPanelRows = 256;  // of W widened at a time: amortises OpenBLAS's packing of x

// y [m, n] = x [m, k] w [n, k]^T on the calling thread; y_stride in elements.
void sgemm(size_t m, size_t n, size_t k, const float* x, const float* w, float* y, size_t y_stride) {
  const auto as_int = [](size_t value) { return static_cast<blasint>(value); };
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, as_int(m), as_int(n), as_int(k), 1.0F, x, as_int(k), w,
              as_int(k), 0.0F, y, as_int(y_stride));
}

}  // namespace

Gemm::Gemm(const Compute& compute) : compute_(compute) {
  if (compute.kernels->target == SimdTarget::kAvx512) bf16_ = Bf16Gemm::create();
  // The pthread flavour of OpenBLAS would start threads of its own beside ours.
  openblas_set_num_threads(1);
}

Gemm::~Gemm() = default;

void Gemm::multiply(const float* x, size_t n_rows, const Matrix& w, float* y) {
  if (bf16_ == nullptr || w.rows.dtype != DType::kBF16) return multiply_widened(x, n_rows, w, y);
  rounded_.resize(n_rows * w.n_in);
  const int n_threads = compute_.threads_for(n_rows * w.n_out * w.n_in);
#pragma omp parallel for schedule(static) num_threads(n_threads)
  for (size_t row = 0; row < n_rows; ++row) {
    compute_.kernels->f32.narrow(x + row * w.n_in, w.n_in, DType::kBF16,
                                 reinterpret_cast<std::byte*>(rounded_.data() + row * w.n_in));
  }
  omp_set_num_threads(n_threads);
  bf16_->multiply(rounded_.data(), n_rows, w.rows.data, w.n_out, w.n_in, y);
}

// One thread multiplies by one panel of W's rows at a time; the panel is widened just before.
void Gemm::multiply_widened(const float* x, size_t n_rows, const Matrix& w, float* y) {
  const auto n_threads = static_cast<size_t>(compute_.threads_for(n_rows * w.n_out * w.n_in));
  // As many panels as make equal shares for the threads.
  const size_t n_panels = (w.n_out + n_threads * kPanelRows - 1) / (n_threads * kPanelRows) * n_threads;
  const size_t panel_rows = (w.n_out + n_panels - 1) / n_panels;
  panels_.resize(static_cast<size_t>(compute_.n_threads) * kPanelRows * w.n_in);
#pragma omp parallel for schedule(dynamic) num_threads(static_cast<int>(n_threads))
  for (size_t panel = 0; panel < n_panels; ++panel) {
    const size_t first = std::min(panel * panel_rows, w.n_out);
    const size_t count = std::min(panel_rows, w.n_out - first);
    if (count == 0) continue;
    float* widened = panels_.data() + static_cast<size_t>(omp_get_thread_num()) * kPanelRows * w.n_in;
    compute_.kernels->f32.widen(w.rows.from(first).data, w.rows.dtype, count * w.n_in, widened);
    sgemm(n_rows, count, w.n_in, x, widened, y + first, w.n_out);
  }
}

size_t Gemm::scratch_bytes(int n_threads, size_t max_rows, size_t max_in) {
  const size_t panels = static_cast<size_t>(n_threads) * kPanelRows * max_in * sizeof(float);
  const size_t rounded = max_rows * max_in * sizeof(BF16);
  return panels + rounded;
}

}  // namespace proxima
