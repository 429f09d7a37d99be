// SPDX-License-Identifier: MIT
// Large float products for `fast`, where a library may choose the order: BF16 weights in bf16 by oneDNN on processors
// with AVX512_BF16, others on panels widened to float, by oneDNN on AVX-512 and by OpenBLAS otherwise.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "core/compute.h"
#include "core/matrix.h"

namespace proxima {

class OneDnnGemm;

class Gemm {
 public:
  explicit Gemm(const Compute& compute);
  ~Gemm();

  // y [n_rows, w.n_out] = x [n_rows, w.n_in] W^T, dense rows.
  void multiply(const float* x, size_t n_rows, const Matrix& w, float* y);

  // The most it allocates for products of up to max_rows rows with matrices of up to max_in columns, the libraries' own
  // memory aside.
  static size_t scratch_bytes(int n_threads, size_t max_rows, size_t max_in);

 private:
  void multiply_widened(const float* x, size_t n_rows, const Matrix& w, float* y);
  // y [m, n] = x [m, k] w [n, k]^T on the calling thread; y_stride in elements.
  void multiply_panel(const float* x, size_t m, const float* w, size_t n, size_t k, float* y, size_t y_stride) const;

  Compute compute_;
  std::unique_ptr<OneDnnGemm> onednn_;  // null where the processor or the build lacks it
  std::vector<BF16> rounded_;           // x, rounded
  std::vector<float> panels_;           // [n_threads, kPanelRows, n_in]
};

}  // namespace proxima
