// SPDX-License-Identifier: MIT
#include "core/gemm_kernels.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "hwy/base.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 says it of its own header
#endif

namespace proxima {
namespace {

constexpr size_t kLanes = GemmKernels::kLanes;

// Nothing else in the program may be compiled for these instructions, and no float kernel for those of bf16.
HWY_PUSH_ATTRIBUTES("avx512f")

// Interleaves neighbouring rows, then pairs of them, then twice quarters of registers.
inline void transpose_square(__m512i (&rows)[kLanes]) {
#pragma GCC unroll 4
  for (size_t i = 0; i < kLanes; i += 4) {
    const __m512i low01 = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    const __m512i high01 = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    const __m512i low23 = _mm512_unpacklo_epi32(rows[i + 2], rows[i + 3]);
    const __m512i high23 = _mm512_unpackhi_epi32(rows[i + 2], rows[i + 3]);
    rows[i] = _mm512_unpacklo_epi64(low01, low23);
    rows[i + 1] = _mm512_unpackhi_epi64(low01, low23);
    rows[i + 2] = _mm512_unpacklo_epi64(high01, high23);
    rows[i + 3] = _mm512_unpackhi_epi64(high01, high23);
  }
  // Quarter q of rows[4 g + c] is now column 4 q + c of the rows 4 g to 4 g + 3.
  constexpr int kEven = 0x88, kOdd = 0xdd;  // quarters 0 and 2, 1 and 3, of one register and then of another
#pragma GCC unroll 4
  for (size_t c = 0; c < 4; ++c) {
    const __m512i even01 = _mm512_shuffle_i32x4(rows[c], rows[4 + c], kEven);
    const __m512i odd01 = _mm512_shuffle_i32x4(rows[c], rows[4 + c], kOdd);
    const __m512i even23 = _mm512_shuffle_i32x4(rows[8 + c], rows[12 + c], kEven);
    const __m512i odd23 = _mm512_shuffle_i32x4(rows[8 + c], rows[12 + c], kOdd);
    rows[c] = _mm512_shuffle_i32x4(even01, even23, kEven);
    rows[4 + c] = _mm512_shuffle_i32x4(odd01, odd23, kEven);
    rows[8 + c] = _mm512_shuffle_i32x4(even01, even23, kOdd);
    rows[12 + c] = _mm512_shuffle_i32x4(odd01, odd23, kOdd);
  }
}

inline __mmask16 first_lanes(size_t n) {
  return n < kLanes ? static_cast<__mmask16>((1U << n) - 1) : __mmask16{0xffff};
}

void unpack(const float* sums, size_t stride, size_t n_rows, size_t n, float* y, size_t y_stride) {
  for (size_t row = 0; row < n_rows; row += kLanes) {
    const __mmask16 present = first_lanes(std::min(kLanes, n_rows - row));
    for (size_t column = 0; column < n; column += kLanes) {
      const size_t n_wide = std::min(kLanes, n - column);
      __m512i square[kLanes];
#pragma GCC unroll 16
      for (size_t i = 0; i < kLanes; ++i) {
        square[i] = _mm512_maskz_loadu_epi32(present, sums + (column + std::min(i, n_wide - 1)) * stride + row);
      }
      transpose_square(square);
      float* to = y + row * y_stride + column;
#pragma GCC unroll 16
      for (size_t i = 0; i < kLanes; ++i) {
        if (row + i < n_rows) _mm512_mask_storeu_epi32(to + i * y_stride, first_lanes(n_wide), square[i]);
      }
    }
  }
}

namespace f32 {
constexpr size_t kWordElements = 1;
inline __m512i load_words(const float* x, size_t n) {
  return _mm512_maskz_loadu_epi32(first_lanes(n), x);
}
inline __m512 add_products(__m512 sums, __m512i a, __m512i b) {
  return _mm512_fmadd_ps(_mm512_castsi512_ps(a), _mm512_castsi512_ps(b), sums);
}
#include "core/gemm_tile-inl.h"
}  // namespace f32

HWY_POP_ATTRIBUTES
HWY_PUSH_ATTRIBUTES("avx512f,avx512bf16")

namespace bf16 {
constexpr size_t kWordElements = 2;
inline __m512i load_words(const float* x, size_t n) {
  const __m512 low = _mm512_maskz_loadu_ps(first_lanes(n), x);
  const __m512 high = n > kLanes ? _mm512_maskz_loadu_ps(first_lanes(n - kLanes), x + kLanes) : _mm512_setzero_ps();
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
}
inline __m512 add_products(__m512 sums, __m512i a, __m512i b) {
  return _mm512_dpbf16_ps(sums, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
}
#include "core/gemm_tile-inl.h"
}  // namespace bf16

HWY_POP_ATTRIBUTES

constexpr GemmKernels kF32Kernels = {f32::kWordElements, f32::multiply, f32::pack, unpack};
constexpr GemmKernels kBf16Kernels = {bf16::kWordElements, bf16::multiply, bf16::pack, unpack};

}  // namespace

const GemmKernels* f32_gemm_kernels(SimdTarget target) {
  return target == SimdTarget::kAvx512 ? &kF32Kernels : nullptr;
}

const GemmKernels* bf16_gemm_kernels(SimdTarget target) {
  return target == SimdTarget::kAvx512 && has_bf16_products() ? &kBf16Kernels : nullptr;
}

}  // namespace proxima

#else

namespace proxima {

const GemmKernels* f32_gemm_kernels(SimdTarget /*target*/) {
  return nullptr;
}

const GemmKernels* bf16_gemm_kernels(SimdTarget /*target*/) {
  return nullptr;
}

}  // namespace proxima

#endif
