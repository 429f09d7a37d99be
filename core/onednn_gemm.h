// SPDX-License-Identifier: MIT
// Products through oneDNN, whose use is confined to onednn_gemm.cpp. Weights are read in place, row-major.
#pragma once

#include <cstddef>
#include <memory>

#include "core/dtype.h"
#include "core/processor.h"

namespace proxima {

class OneDnnGemm {
 public:
  // Null unless the build has oneDNN and the target is AVX-512: there its float products are up to twice as fast as
  // OpenBLAS's, which on AMD processors stays with AVX2.
  static std::unique_ptr<OneDnnGemm> create(SimdTarget target);
  static bool built_in();  // whether this build has oneDNN
  virtual ~OneDnnGemm() = default;

  // y [m, n] = x [m, k] w^T with w [n, k]; BF16, float accumulation. Only where has_bf16_products(): without the
  // instruction oneDNN's bf16 is slower than float by an order of magnitude. Primitives are made once per shape. Uses
  // the OpenMP threads of the calling context.
  virtual void multiply(const BF16* x, size_t m, const std::byte* w, size_t n, size_t k, float* y) = 0;
  // The same in float on the calling thread alone; y_stride in elements. Several threads may call it at once.
  virtual void multiply(const float* x, size_t m, const float* w, size_t n, size_t k, float* y,
                        size_t y_stride) const = 0;
};

}  // namespace proxima
