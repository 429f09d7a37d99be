// SPDX-License-Identifier: MIT
// Large products with BF16 weights through oneDNN, for processors that multiply whole tiles (AMX). Its use is confined
// to onednn_gemm.cpp. Weights are read in place.
#pragma once

#include <cstddef>
#include <memory>

#include "core/compute.h"
#include "core/matrix.h"

namespace proxima {

class OneDnnGemm {
 public:
  static std::unique_ptr<OneDnnGemm> create(const Compute& compute);  // null if this build lacks oneDNN
  static bool built_in();
  virtual ~OneDnnGemm() = default;

  // y [n_rows, w.n_out] = x [n_rows, w.n_in] W^T, dense rows, W of BF16; x is rounded to BF16, sums are float. Only
  // where has_bf16_products(): oneDNN is slower than float without them. Primitives are made once per shape.
  virtual void multiply(const float* x, size_t n_rows, const GemmProduct& product) = 0;

  // The most it allocates itself for products of up to max_rows rows with matrices of up to max_in columns.
  static size_t scratch_bytes(size_t max_rows, size_t max_in) { return max_rows * max_in * sizeof(BF16); }
};

}  // namespace proxima
