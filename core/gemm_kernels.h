// SPDX-License-Identifier: MIT
// The innermost steps of BlockedGemm, on AVX-512. Everything is made of words of 32 bits along the sum: one float, or
// two neighbouring BF16, the first in the low half. A register holds one word of 16 rows of x; words of W are
// broadcast.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/processor.h"

namespace proxima {

struct GemmKernels {
  static constexpr size_t kLanes = 16;         // rows of x in a register
  static constexpr size_t kMostRegisters = 4;  // of rows of x in a tile
  static constexpr size_t kSums = 24;          // registers of sums in a tile: with 4 of x and a broadcast 29 of 32
  // Rows of W in a tile; kSums rows are whole tiles whatever n_registers.
  static size_t tile_rows(size_t n_registers) { return kSums / n_registers; }

  size_t word_elements;  // 1 float or 2 BF16

  // sums[i, row] (+)= sum_k w[i, k] x[k, row] for a tile; x [n_words, 16 * n_registers], w [tile_rows, n_words] at any
  // byte, sums of the given stride in elements.
  void (*multiply)(const uint32_t* x, size_t n_registers, const std::byte* w, size_t w_stride_bytes, size_t n_words,
                   float* sums, size_t stride, bool accumulate);

  // words [ceil(n / elements of a word), stride] in n_rows <= 16 columns: rows x [n_rows, n], rounded to nearest even
  // where words are of BF16. What is missing of the last word is 0.
  void (*pack)(const float* x, size_t x_stride, size_t n_rows, size_t n, uint32_t* words, size_t stride);

  // y [n_rows, n] = the transpose of sums [n, stride] in n_rows columns
  void (*unpack)(const float* sums, size_t stride, size_t n_rows, size_t n, float* y, size_t y_stride);
};

// Null where the target is not AVX-512; those of BF16 also where the processor lacks AVX512_BF16.
const GemmKernels* f32_gemm_kernels(SimdTarget target);
const GemmKernels* bf16_gemm_kernels(SimdTarget target);

}  // namespace proxima
