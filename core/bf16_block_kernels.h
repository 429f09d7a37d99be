// SPDX-License-Identifier: MIT
// Blocked attention's two products in bf16 (AVX512_BF16), at twice the speed of float: keys are multiplied as the cache
// stores them, queries and probabilities are rounded to bf16, sums stay float. As in BlockKernels everything is
// transposed, [.., n_rows] with n_rows a multiple of 16. The instruction adds products of neighbouring elements, so
// both sides come in pairs along the sum: of channels for the scores, of keys for the mix. A pair is 32 bits, the first
// in the low half.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/kernels.h"

namespace proxima {

struct Bf16BlockKernels {
  // pairs[c / 2, row] of x [n, n_rows]; n odd: the last is paired with 0
  void (*pair_rows)(const float* x, size_t n, size_t n_rows, uint32_t* pairs);
  // pairs[key / 2, c] of stored BF16 rows; n_keys odd likewise; head_dim a multiple of 32
  void (*pair_keys)(StoredRows rows, size_t n_keys, size_t head_dim, uint32_t* pairs);

  // scores[key, row] = sum_c keys[key, c] * q[c, row]     q: pairs of channels, keys: stored BF16
  void (*scores)(const uint32_t* q, size_t n_rows, StoredRows keys, size_t n_keys, size_t head_dim, float* scores);
  // out[c, row] = rescale[row] * out[c, row] + sum_key p[key, row] * values[key, c]     p, values: pairs of keys
  void (*mix)(const uint32_t* p, size_t n_rows, const uint32_t* values, size_t n_pairs, size_t head_dim,
              const float* rescale, float* out);
};

// Null unless these are the kernels of AVX-512, the processor has AVX512_BF16 and head_dim is a multiple of 32.
const Bf16BlockKernels* bf16_block_kernels(const Kernels& kernels, size_t head_dim);

}  // namespace proxima
