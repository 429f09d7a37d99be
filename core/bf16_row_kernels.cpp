// SPDX-License-Identifier: MIT
#include "core/bf16_row_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>

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

inline __m512 add_products(__m512 sum, __m512i a, __m512i b) {
  return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
}

// See core/product_kernels-inl.h. A request is dropped while too many are under way, and these loops are fast enough
// for that: asked for twice, stored rows come 15 % faster from memory.
inline void ask_ahead(const std::byte* stored) {
  __builtin_prefetch(stored + 8192);
  __builtin_prefetch(stored + 4096);
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

// The halves of a, added, then those of b.
inline __m512 sums_of_halves(__m512 a, __m512 b) {
  return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xEE));
}
// Lane 4 j + i is the sum of lanes i, 4 + i, 8 + i and 12 + i of x[j].
inline __m512 sums_across_quarters(const __m512 (&x)[4]) {
  const __m512 first = sums_of_halves(x[0], x[1]), second = sums_of_halves(x[2], x[3]);
  return _mm512_add_ps(_mm512_shuffle_f32x4(first, second, 0x88), _mm512_shuffle_f32x4(first, second, 0xDD));
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
      ask_ahead(stored);
#pragma GCC unroll 4
      for (size_t r = 0; r < R; ++r) {
        sums[r][k] = add_products(sums[r][k], column, _mm512_loadu_si512(x + r * n + c));
      }
    }
  }
}

// Sixteen rows of w at a time: their sums over lanes share all steps, and without sharing they cost as much as the
// products of a head of 64.
template <size_t R>
void dot_rows(const BF16* x, StoredRows w, size_t n_w, size_t n, float* y, size_t y_stride) {
  size_t k = 0;
  for (; k + kLanes <= n_w; k += kLanes) {
    __m512 quarters[R][4];
#pragma GCC unroll 4
    for (size_t four = 0; four < 4; ++four) {
      __m512 sums[R][4];
      multiply_tile(x, n, w.from(k + 4 * four), sums);
#pragma GCC unroll 4
      for (size_t r = 0; r < R; ++r) quarters[r][four] = sums_of_quarters(sums[r]);
    }
#pragma GCC unroll 4
    for (size_t r = 0; r < R; ++r) _mm512_storeu_ps(y + r * y_stride + k, sums_across_quarters(quarters[r]));
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
    switch (n_rows) {
      case 1:
        dot_rows<1>(rounded, w, n_w, n, tile, y_stride);
        break;
      case 2:
        dot_rows<2>(rounded, w, n_w, n, tile, y_stride);
        break;
      case 3:
        dot_rows<3>(rounded, w, n_w, n, tile, y_stride);
        break;
      default:
        dot_rows<kTileRows>(rounded, w, n_w, n, tile, y_stride);
    }
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
  if (precision == Precision::kFast && able) arithmetic.dot = dot;
#endif
  return arithmetic;
}

}  // namespace proxima
