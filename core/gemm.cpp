// SPDX-License-Identifier: MIT
#include "core/gemm.h"

#include <cblas.h>
#include <omp.h>

#include <algorithm>
#include <cstdint>

#include "core/onednn_gemm.h"
#include "core/threads.h"

namespace proxima {
namespace {

constexpr size_t kPanelRows = 256;  // of W widened at a time: amortises the library's packing of x

}  // namespace

Gemm::Gemm(const Compute& compute) : compute_(compute), onednn_(OneDnnGemm::create(compute.kernels->target)) {
  // The pthread flavour of OpenBLAS would start threads of its own beside ours.
  openblas_set_num_threads(1);
}

Gemm::~Gemm() = default;

void Gemm::multiply(const float* x, size_t n_rows, const Matrix& w, float* y) {
  const bool in_bf16 = onednn_ != nullptr && has_bf16_products() && w.rows.dtype == DType::kBF16;
  if (!in_bf16) return multiply_widened(x, n_rows, w, y);
  rounded_.resize(n_rows * w.n_in);
  const int n_threads = compute_.threads_for(n_rows * w.n_out * w.n_in);
  for_each_index(n_threads, n_rows, [&](size_t row) {
    compute_.kernels->f32.narrow(x + row * w.n_in, w.n_in, DType::kBF16,
                                 reinterpret_cast<std::byte*>(rounded_.data() + row * w.n_in));
  });
  omp_set_num_threads(n_threads);
  onednn_->multiply(rounded_.data(), n_rows, w.rows.data, w.n_out, w.n_in, y);
}

// One thread multiplies by one panel of W's rows at a time, which is widened just before where it is not float already.
void Gemm::multiply_widened(const float* x, size_t n_rows, const Matrix& w, float* y) {
  const auto n_threads = static_cast<size_t>(compute_.threads_for(n_rows * w.n_out * w.n_in));
  // As many panels as make equal shares for the threads.
  const size_t n_panels = (w.n_out + n_threads * kPanelRows - 1) / (n_threads * kPanelRows) * n_threads;
  const size_t panel_rows = (w.n_out + n_panels - 1) / n_panels;
  const bool in_place =
      w.rows.dtype == DType::kF32 && reinterpret_cast<uintptr_t>(w.rows.data) % alignof(float) == 0;
  if (!in_place) panels_.resize(static_cast<size_t>(compute_.n_threads) * kPanelRows * w.n_in);
#pragma omp parallel for schedule(dynamic) num_threads(static_cast<int>(n_threads))
  for (size_t index = 0; index < n_panels; ++index) {
    const size_t first = std::min(index * panel_rows, w.n_out);
    const size_t count = std::min(panel_rows, w.n_out - first);
    if (count == 0) continue;
    const std::byte* stored = w.rows.from(first).data;
    const float* panel = reinterpret_cast<const float*>(stored);
    if (!in_place) {
      float* widened = panels_.data() + static_cast<size_t>(omp_get_thread_num()) * kPanelRows * w.n_in;
      compute_.kernels->f32.widen(stored, w.rows.dtype, count * w.n_in, widened);
      panel = widened;
    }
    multiply_panel(x, n_rows, panel, count, w.n_in, y + first, w.n_out);
  }
}

void Gemm::multiply_panel(const float* x, size_t m, const float* w, size_t n, size_t k, float* y,
                          size_t y_stride) const {
  if (onednn_ != nullptr) return onednn_->multiply(x, m, w, n, k, y, y_stride);
  const auto as_int = [](size_t value) { return static_cast<blasint>(value); };
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, as_int(m), as_int(n), as_int(k), 1.0F, x, as_int(k), w,
              as_int(k), 0.0F, y, as_int(y_stride));
}

size_t Gemm::scratch_bytes(int n_threads, size_t max_rows, size_t max_in) {
  const size_t panels = static_cast<size_t>(n_threads) * kPanelRows * max_in * sizeof(float);
  const size_t rounded = max_rows * max_in * sizeof(BF16);
  return panels + rounded;
}

}  // namespace proxima
