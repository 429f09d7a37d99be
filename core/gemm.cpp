// SPDX-License-Identifier: MIT
#include "core/gemm.h"

#include <cblas.h>
#include <omp.h>

#include <algorithm>
#include <cstdint>

#include "core/blocked_gemm.h"
#include "core/onednn_gemm.h"

namespace proxima {
namespace {

constexpr size_t kPanelRows = 256;  // of W widened at a time: amortises the library's packing of x

}  // namespace

Gemm::Gemm(const Compute& compute)
    : compute_(compute),
      onednn_(has_bf16_tiles() && compute.kernels->target == SimdTarget::kAvx512 ? OneDnnGemm::create(compute) : nullptr),
      blocked_(BlockedGemm::create(compute)) {
  // The pthread flavour of OpenBLAS would start threads of its own beside ours.
  openblas_set_num_threads(1);
}

Gemm::~Gemm() = default;

void Gemm::multiply(const float* x, size_t n_rows, size_t n_in, std::span<const GemmProduct> products) {
  std::vector<GemmProduct> others;
  for (const GemmProduct& product : products) {
    if (onednn_ != nullptr && product.w.rows.dtype == DType::kBF16) {
      onednn_->multiply(x, n_rows, product);
    } else if (blocked_ != nullptr) {
      others.push_back(product);
    } else {
      multiply_widened(x, n_rows, product);
    }
  }
  if (blocked_ != nullptr) blocked_->multiply(x, n_rows, n_in, others);
}

// One thread multiplies by one panel of W's rows at a time, which is widened just before where it is not float already.
void Gemm::multiply_widened(const float* x, size_t n_rows, const GemmProduct& product) {
  const Matrix& w = product.w;
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
    const auto as_int = [](size_t value) { return static_cast<blasint>(value); };
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, as_int(n_rows), as_int(count), as_int(w.n_in), 1.0F, x,
                as_int(w.n_in), panel, as_int(w.n_in), 0.0F, product.y + first, as_int(w.n_out));
  }
}

size_t Gemm::scratch_bytes(int n_threads, size_t max_rows, size_t max_in) {
  const size_t panels = static_cast<size_t>(n_threads) * kPanelRows * max_in * sizeof(float);
  const size_t blocked = BlockedGemm::scratch_bytes(n_threads, max_rows, max_in);
  return std::max(panels, blocked + (has_bf16_tiles() ? OneDnnGemm::scratch_bytes(max_rows, max_in) : 0));
}

}  // namespace proxima
