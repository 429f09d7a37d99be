// SPDX-License-Identifier: MIT
#include "core/bf16_row_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <type_traits>

#include "core/kernels_tables.h"
#include "hwy/base.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 says it of its own header
#endif

namespace proxima {
namespace {

// Nothing else in the program may be compiled for these instructions.
HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")

constexpr size_t kLanes = 16;                      // floats in a register
constexpr size_t kPairs = 2 * kLanes;              // bf16 numbers in a register
constexpr size_t kTileRows = 4;                    // of x
constexpr size_t kMostElements = size_t{1} << 14;  // of a tile of x, rounded: on the stack
// Of a row that is mixed in bf16, in registers. Float keeps up with memory for shorter rows, a head of 64, and is up to
// 4 % faster there; for longer ones the sums would not fit the registers.
constexpr size_t kLeastMixed = 3, kMostMixed = 4;
constexpr size_t kAheadBytes = 6144;  // stored rows are asked for this far ahead, see core/product_kernels-inl.h

// Calls f with n as a constant, kLeast to kMost.
template <size_t kLeast, size_t kMost, class F>
inline void with_constant(size_t n, F f) {
  if constexpr (kLeast < kMost) {
    if (n < kMost) return with_constant<kLeast, kMost - 1>(n, f);
  }
  f(std::integral_constant<size_t, kMost>());
}

inline __m512 add_products(__m512 sum, __m512i a, __m512i b) {
  return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
}

// n is a multiple of kLanes.
inline void round(const float* x, size_t n, BF16* rounded) {
  for (size_t i = 0; i < n; i += kLanes) {
    const __m256bh half = _mm512_cvtneps_pbh(_mm512_loadu_ps(x + i));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(rounded + i), reinterpret_cast<__m256i>(half));
  }
}

// Within each quarter of a register: lanes 0 and 2 of a, of b, 1 and 3 of a, of b, added.
inline __m512d sums_of_pairs(__m512 a, __m512 b) {
  return _mm512_castps_pd(_mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b)));
}
// Lane 4 i + j is the sum of lanes 4 i ... 4 i + 3 of x[j].
inline __m512 sums_of_quarters(const __m512 (&x)[4]) {
  const __m512d first = sums_of_pairs(x[0], x[1]), second = sums_of_pairs(x[2], x[3]);
  return _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(first, second)),
                       _mm512_castpd_ps(_mm512_unpackhi_pd(first, second)));
}

// Lane j is the sum of x[j].
inline __m128 sums_of(const __m512 (&x)[4]) {
  const __m512 quarters = sums_of_quarters(x);
  const __m256 halves = _mm256_add_ps(_mm512_castps512_ps256(quarters), _mm512_extractf32x8_ps(quarters, 1));
  return _mm_add_ps(_mm256_castps256_ps128(halves), _mm256_extractf128_ps(halves, 1));
}

// The products of R rows of x [R, n] and K rows of w, not yet summed over lanes.
template <size_t R, size_t K>
inline void multiply_tile(const BF16* x, size_t n, StoredRows w, __m512 (&sums)[R][K]) {
#pragma GCC unroll 4
  for (size_t r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (size_t k = 0; k < K; ++k) sums[r][k] = _mm512_setzero_ps();
  }
#pragma GCC unroll 4
  for (size_t k = 0; k < K; ++k) {  // one row after the other: in the order of addresses
    const std::byte* stored = w.from(k).data;
    for (size_t c = 0; c < n; c += kPairs, stored += kPairs * sizeof(BF16)) {
      const __m512i column = _mm512_loadu_si512(stored);
      __builtin_prefetch(stored + kAheadBytes);
#pragma GCC unroll 4
      for (size_t r = 0; r < R; ++r) {
        sums[r][k] = add_products(sums[r][k], column, _mm512_loadu_si512(x + r * n + c));
      }
    }
  }
}

// Four rows of w at a time: more would share more of the sums over lanes, but then rows come in bursts, and memory
// gives a head of 64 up to 15 % slower.
template <size_t R>
void dot_rows(const BF16* x, StoredRows w, size_t n_w, size_t n, float* y, size_t y_stride) {
  size_t k = 0;
  for (; k + 4 <= n_w; k += 4) {
    __m512 sums[R][4];
    multiply_tile(x, n, w.from(k), sums);
#pragma GCC unroll 4
    for (size_t r = 0; r < R; ++r) _mm_storeu_ps(y + r * y_stride + k, sums_of(sums[r]));
  }
  for (; k < n_w; ++k) {
    __m512 sums[R][1];
    multiply_tile(x, n, w.from(k), sums);
    for (size_t r = 0; r < R; ++r) y[r * y_stride + k] = _mm512_reduce_add_ps(sums[r][0]);
  }
}

bool fits(StoredRows rows, size_t n) {
  return rows.dtype == DType::kBF16 && n > 0 && n % kPairs == 0 && n <= kMostElements;
}

void dot(const float* x, size_t x_stride, size_t n_x, StoredRows w, size_t n_w, size_t n, float* y, size_t y_stride) {
  if (!fits(w, n)) return avx512_kernels()->f32.dot(x, x_stride, n_x, w, n_w, n, y, y_stride);
  BF16 rounded[kMostElements];
  const size_t most = std::min(kTileRows, kMostElements / n);
  for (size_t row = 0; row < n_x; row += most) {
    const size_t n_rows = std::min(most, n_x - row);
    for (size_t r = 0; r < n_rows; ++r) round(x + (row + r) * x_stride, n, rounded + r * n);
    float* tile = y + row * y_stride;
    with_constant<1, kTileRows>(n_rows, [&](auto r) { dot_rows<r()>(rounded, w, n_w, n, tile, y_stride); });
  }
}

// Pairs of neighbouring weights, rounded: what one step of a mix multiplies two stored rows with. count at most kPairs.
inline void pair_weights(const float* p, size_t count, uint32_t (&pairs)[kLanes]) {
  const uint32_t is_there = UINT32_MAX >> (kPairs - count);  // a bit for each weight; no others are read
  const __m512 low = _mm512_maskz_loadu_ps(static_cast<__mmask16>(is_there), p);
  const __m512 high = _mm512_maskz_loadu_ps(static_cast<__mmask16>(is_there >> kLanes), p + kLanes);
  _mm512_storeu_si512(pairs, reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low)));
}

// out [R, C * kPairs]. Two rows are interleaved within quarters of registers, as the instruction that does so goes, and
// the sums are put in order at the end.
template <size_t R, size_t C>
void mix_rows(const float* p, size_t p_stride, StoredRows v, size_t n_keys, float* out, size_t out_stride,
              bool accumulate) {
  __m512 low[R][C], high[R][C];
  for (size_t r = 0; r < R; ++r) {
    for (size_t c = 0; c < C; ++c) low[r][c] = high[r][c] = _mm512_setzero_ps();
  }
  for (size_t key = 0; key < n_keys; key += kPairs) {
    const size_t count = std::min(kPairs, n_keys - key);
    uint32_t pairs[R][kLanes];
    for (size_t r = 0; r < R; ++r) pair_weights(p + r * p_stride + key, count, pairs[r]);
    for (size_t k = 0; k < count; k += 2) {
      __m512i rows[2][C];
#pragma GCC unroll 2
      for (size_t row = 0; row < 2; ++row) {  // one after the other: in the order of addresses
        const std::byte* stored = v.from(key + k + row).data;
        const bool is_there = k + row < count;
#pragma GCC unroll 4
        for (size_t c = 0; c < C; ++c, stored += kPairs * sizeof(BF16)) {
          rows[row][c] = is_there ? _mm512_loadu_si512(stored) : _mm512_setzero_si512();
          __builtin_prefetch(stored + kAheadBytes);
        }
      }
#pragma GCC unroll 4
      for (size_t c = 0; c < C; ++c) {
        const __m512i even = _mm512_unpacklo_epi16(rows[0][c], rows[1][c]);
        const __m512i odd = _mm512_unpackhi_epi16(rows[0][c], rows[1][c]);
#pragma GCC unroll 4
        for (size_t r = 0; r < R; ++r) {
          const __m512i weights = _mm512_set1_epi32(static_cast<int>(pairs[r][k / 2]));
          low[r][c] = add_products(low[r][c], even, weights);
          high[r][c] = add_products(high[r][c], odd, weights);
        }
      }
    }
  }
  const __m512i first_half = _mm512_setr_epi32(0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23);
  const __m512i second_half = _mm512_setr_epi32(8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31);
  for (size_t r = 0; r < R; ++r) {
    for (size_t c = 0; c < C; ++c) {
      float* target = out + r * out_stride + c * kPairs;
      const __m512 ordered[] = {_mm512_permutex2var_ps(low[r][c], first_half, high[r][c]),
                                _mm512_permutex2var_ps(low[r][c], second_half, high[r][c])};
      for (size_t half = 0; half < 2; ++half, target += kLanes) {
        const __m512 before = accumulate ? _mm512_loadu_ps(target) : _mm512_setzero_ps();
        _mm512_storeu_ps(target, _mm512_add_ps(before, ordered[half]));
      }
    }
  }
}

void mix(const float* p, size_t p_stride, size_t n_r, StoredRows v, size_t n_keys, size_t n, float* out,
         size_t out_stride, bool accumulate) {
  if (!fits(v, n) || n < kLeastMixed * kPairs || n > kMostMixed * kPairs) {
    return avx512_kernels()->f32.mix(p, p_stride, n_r, v, n_keys, n, out, out_stride, accumulate);
  }
  for (size_t row = 0; row < n_r; row += kTileRows) {
    with_constant<1, kTileRows>(std::min(kTileRows, n_r - row), [&](auto r) {
      with_constant<kLeastMixed, kMostMixed>(n / kPairs, [&](auto c) {
        mix_rows<r(), c()>(p + row * p_stride, p_stride, v, n_keys, out + row * out_stride, out_stride, accumulate);
      });
    });
  }
}

HWY_POP_ATTRIBUTES

}  // namespace
}  // namespace proxima

#endif

namespace proxima {

template <>
Arithmetic<double> arithmetic_for<double>(const Compute& compute, Precision /*precision*/) {
  return compute.kernels->f64;
}

template <>
Arithmetic<float> arithmetic_for<float>(const Compute& compute, Precision precision) {
  Arithmetic<float> arithmetic = compute.kernels->f32;
#if defined(__x86_64__)
  const bool able = compute.kernels->target == SimdTarget::kAvx512 && has_bf16_products();
  if (precision == Precision::kFast && able) {
    arithmetic.dot = dot;
    arithmetic.mix = mix;
  }
#endif
  return arithmetic;
}

}  // namespace proxima
