// SPDX-License-Identifier: MIT
#include "core/bf16_block_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cstring>

#include "hwy/base.h"

namespace proxima {
namespace {

// Nothing else in the program may be compiled for these instructions.
HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512vl,avx512bf16")

constexpr size_t kLanes = 16;     // pairs, or floats, in a register
constexpr size_t kRegisters = 3;  // of rows in a tile: with kColumns 24 sums, 3 rows and a broadcast of 32 registers
constexpr size_t kColumns = 8;

// Lane i takes bf16(low[i]) and bf16(high[i]).
inline __m512i paired(__m512 low, __m512 high) {
  const __m512i both = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));  // 16 of low, then 16 of high
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21,
                                         5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(order, both);
}

void pair_rows(const float* x, size_t n, size_t n_rows, uint32_t* pairs) {
  for (size_t c = 0; c < n; c += 2) {
    const float* low = x + c * n_rows;
    for (size_t row = 0; row < n_rows; row += kLanes) {
      const __m512 high = c + 1 < n ? _mm512_loadu_ps(low + n_rows + row) : _mm512_setzero_ps();
      _mm512_storeu_si512(pairs + c / 2 * n_rows + row, paired(_mm512_loadu_ps(low + row), high));
    }
  }
}

void pair_keys(StoredRows rows, size_t n_keys, size_t head_dim, uint32_t* pairs) {
  const __m512i first = _mm512_set_epi16(47, 15, 46, 14, 45, 13, 44, 12, 43, 11, 42, 10, 41, 9, 40, 8, 39, 7, 38, 6, 37,
                                         5, 36, 4, 35, 3, 34, 2, 33, 1, 32, 0);
  const __m512i second = _mm512_add_epi16(first, _mm512_set1_epi16(16));
  for (size_t key = 0; key < n_keys; key += 2) {
    const std::byte* low = rows.from(key).data;
    const std::byte* high = rows.from(key + 1).data;
    for (size_t c = 0; c < head_dim; c += 2 * kLanes) {
      const __m512i a = _mm512_loadu_si512(low + c * sizeof(BF16));
      const __m512i b = key + 1 < n_keys ? _mm512_loadu_si512(high + c * sizeof(BF16)) : _mm512_setzero_si512();
      _mm512_storeu_si512(pairs + c, _mm512_permutex2var_epi16(a, first, b));
      _mm512_storeu_si512(pairs + c + kLanes, _mm512_permutex2var_epi16(a, second, b));
    }
    pairs += head_dim;
  }
}

inline __m512 add_products(__m512 sum, __m512i a, __m512i b) {
  return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
}

template <size_t R, size_t K>
inline void score_tile(const uint32_t* q, size_t n_rows, StoredRows keys, size_t head_dim, float* scores) {
  __m512 sums[K][R];
#pragma GCC unroll 8
  for (size_t k = 0; k < K; ++k) {
#pragma GCC unroll 3
    for (size_t r = 0; r < R; ++r) sums[k][r] = _mm512_setzero_ps();
  }
  for (size_t c = 0; c < head_dim; c += 2) {
    __m512i rows[R];
#pragma GCC unroll 3
    for (size_t r = 0; r < R; ++r) rows[r] = _mm512_loadu_si512(q + c / 2 * n_rows + r * kLanes);
#pragma GCC unroll 8
    for (size_t k = 0; k < K; ++k) {
      int pair;
      std::memcpy(&pair, keys.data + k * keys.stride_bytes + c * sizeof(BF16), sizeof(pair));
      const __m512i key = _mm512_set1_epi32(pair);
#pragma GCC unroll 3
      for (size_t r = 0; r < R; ++r) sums[k][r] = add_products(sums[k][r], key, rows[r]);
    }
  }
#pragma GCC unroll 8
  for (size_t k = 0; k < K; ++k) {
#pragma GCC unroll 3
    for (size_t r = 0; r < R; ++r) _mm512_storeu_ps(scores + k * n_rows + r * kLanes, sums[k][r]);
  }
}

template <size_t R>
void score_rows(const uint32_t* q, size_t n_rows, StoredRows keys, size_t n_keys, size_t head_dim, float* scores) {
  size_t k = 0;
  for (; k + kColumns <= n_keys; k += kColumns) {
    score_tile<R, kColumns>(q, n_rows, keys.from(k), head_dim, scores + k * n_rows);
  }
  for (; k < n_keys; ++k) score_tile<R, 1>(q, n_rows, keys.from(k), head_dim, scores + k * n_rows);
}

void scores(const uint32_t* q, size_t n_rows, StoredRows keys, size_t n_keys, size_t head_dim, float* scores) {
  size_t row = 0;
  for (; row + kRegisters * kLanes <= n_rows; row += kRegisters * kLanes) {
    score_rows<kRegisters>(q + row, n_rows, keys, n_keys, head_dim, scores + row);
  }
  for (; row < n_rows; row += kLanes) score_rows<1>(q + row, n_rows, keys, n_keys, head_dim, scores + row);
}

// head_dim is a multiple of kColumns.
template <size_t R>
void mix_rows(const uint32_t* p, size_t n_rows, const uint32_t* values, size_t n_pairs, size_t head_dim,
              const float* rescale, float* out) {
  for (size_t c = 0; c < head_dim; c += kColumns) {
    __m512 sums[kColumns][R];
#pragma GCC unroll 8
    for (size_t k = 0; k < kColumns; ++k) {
#pragma GCC unroll 3
      for (size_t r = 0; r < R; ++r) {
        sums[k][r] =
            _mm512_mul_ps(_mm512_loadu_ps(out + (c + k) * n_rows + r * kLanes), _mm512_loadu_ps(rescale + r * kLanes));
      }
    }
    for (size_t pair = 0; pair < n_pairs; ++pair) {
      __m512i rows[R];
#pragma GCC unroll 3
      for (size_t r = 0; r < R; ++r) rows[r] = _mm512_loadu_si512(p + pair * n_rows + r * kLanes);
#pragma GCC unroll 8
      for (size_t k = 0; k < kColumns; ++k) {
        const __m512i value = _mm512_set1_epi32(static_cast<int>(values[pair * head_dim + c + k]));
#pragma GCC unroll 3
        for (size_t r = 0; r < R; ++r) sums[k][r] = add_products(sums[k][r], value, rows[r]);
      }
    }
#pragma GCC unroll 8
    for (size_t k = 0; k < kColumns; ++k) {
#pragma GCC unroll 3
      for (size_t r = 0; r < R; ++r) _mm512_storeu_ps(out + (c + k) * n_rows + r * kLanes, sums[k][r]);
    }
  }
}

void mix(const uint32_t* p, size_t n_rows, const uint32_t* values, size_t n_pairs, size_t head_dim,
         const float* rescale, float* out) {
  size_t row = 0;
  for (; row + kRegisters * kLanes <= n_rows; row += kRegisters * kLanes) {
    mix_rows<kRegisters>(p + row, n_rows, values, n_pairs, head_dim, rescale + row, out + row);
  }
  for (; row < n_rows; row += kLanes) {
    mix_rows<1>(p + row, n_rows, values, n_pairs, head_dim, rescale + row, out + row);
  }
}

HWY_POP_ATTRIBUTES

constexpr Bf16BlockKernels kKernels = {pair_rows, pair_keys, scores, mix};

}  // namespace

const Bf16BlockKernels* bf16_block_kernels(const Kernels& kernels, size_t head_dim) {
  const bool able = kernels.target == SimdTarget::kAvx512 && has_bf16_products();
  return able && head_dim % (2 * kLanes) == 0 ? &kKernels : nullptr;
}

}  // namespace proxima

#else

namespace proxima {

const Bf16BlockKernels* bf16_block_kernels(const Kernels& /*kernels*/, size_t /*head_dim*/) {
  return nullptr;
}

}  // namespace proxima

#endif
