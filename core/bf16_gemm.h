// SPDX-License-Identifier: MIT
// bf16 products through oneDNN, whose use is confined to bf16_gemm.cpp. Weights are read in place, row-major.
#pragma once

#include <cstddef>
#include <memory>

#include "core/dtype.h"

namespace proxima {

class Bf16Gemm {
 public:
  // Null unless the build has oneDNN and the processor AVX512_BF16: without the instruction oneDNN's bf16 is slower
  // than OpenBLAS in float by an order of magnitude, and on AVX2 it does not exist.
  static std::unique_ptr<Bf16Gemm> create();
  static bool built_in();  // whether this build has oneDNN
  virtual ~Bf16Gemm() = default;

  // y [m, n] = x [m, k] w^T with w [n, k]; float accumulation. Primitives are made once per shape. Uses the OpenMP
  // threads of the calling context.
  virtual void multiply(const BF16* x, size_t m, const std::byte* w, size_t n, size_t k, float* y) = 0;
};

}  // namespace proxima
