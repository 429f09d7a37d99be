// SPDX-License-Identifier: MIT
// The product of bytes by the instruction made for it: four unsigned bytes by four signed ones, added to an integer.
// By intrinsics, since Highway 1.0 does not have it.
#include <cstring>

#include "core/int8_kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

#include "hwy/base.h"

namespace proxima {
namespace {

HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma")
namespace vnni512 {

constexpr size_t kInt8Rows = 6;  // with two groups of weights: 12 sums; more measured slower

template <class T>
struct Lanes;
template <>
struct Lanes<float> {
  __m512 v;
  static HWY_INLINE Lanes zero() { return {_mm512_setzero_ps()}; }
  static HWY_INLINE Lanes set(float x) { return {_mm512_set1_ps(x)}; }
  static HWY_INLINE Lanes load(const float* x) { return {_mm512_loadu_ps(x)}; }
  HWY_INLINE void store(float* x) const { _mm512_storeu_ps(x, v); }
  friend HWY_INLINE Lanes operator*(Lanes a, Lanes b) { return {_mm512_mul_ps(a.v, b.v)}; }
  friend HWY_INLINE Lanes fma(Lanes a, Lanes b, Lanes c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
};
struct Weights16 {
  __m512i v;
  static HWY_INLINE Weights16 load(const uint8_t* bytes) { return {_mm512_loadu_si512(bytes)}; }
};
struct Quad {
  __m512i v;
  static HWY_INLINE Quad load(const int8_t* steps) { return {_mm512_set1_epi32(quad_bits(steps))}; }
};
struct Sums {
  __m512i v;
  static HWY_INLINE Sums set(int32_t x) { return {_mm512_set1_epi32(x)}; }
  friend HWY_INLINE Sums add_products(Weights16 w, Quad q, Sums s) { return {_mm512_dpbusd_epi32(s.v, w.v, q.v)}; }
  // The unmasked form reads a variable that gcc 12 rightly calls uninitialized; all lanes are the same instruction.
  HWY_INLINE Lanes<float> to_float() const { return {_mm512_maskz_cvtepi32_ps(0xFFFF, v)}; }
};
#include "core/int8_product-inl.h"

}  // namespace vnni512
HWY_POP_ATTRIBUTES

HWY_PUSH_ATTRIBUTES("avxvnni,avx2,fma")
namespace vnni256 {

constexpr size_t kInt8Rows = 3;  // with two groups of weights: 12 sums of 16 registers

template <class T>
struct Lanes;
template <>
struct Lanes<float> {
  __m256 low, high;
  static HWY_INLINE Lanes zero() { return set(0); }
  static HWY_INLINE Lanes set(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static HWY_INLINE Lanes load(const float* x) { return {_mm256_loadu_ps(x), _mm256_loadu_ps(x + 8)}; }
  HWY_INLINE void store(float* x) const {
    _mm256_storeu_ps(x, low);
    _mm256_storeu_ps(x + 8, high);
  }
  friend HWY_INLINE Lanes operator*(Lanes a, Lanes b) {
    return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
  }
  friend HWY_INLINE Lanes fma(Lanes a, Lanes b, Lanes c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
};
struct Weights16 {
  __m256i low, high;
  static HWY_INLINE Weights16 load(const uint8_t* bytes) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes)),
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes + 32))};
  }
};
struct Quad {
  __m256i v;
  static HWY_INLINE Quad load(const int8_t* steps) { return {_mm256_set1_epi32(quad_bits(steps))}; }
};
struct Sums {
  __m256i low, high;
  static HWY_INLINE Sums set(int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
  friend HWY_INLINE Sums add_products(Weights16 w, Quad q, Sums s) {
    return {_mm256_dpbusd_avx_epi32(s.low, w.low, q.v), _mm256_dpbusd_avx_epi32(s.high, w.high, q.v)};
  }
  HWY_INLINE Lanes<float> to_float() const { return {_mm256_cvtepi32_ps(low), _mm256_cvtepi32_ps(high)}; }
};
#include "core/int8_product-inl.h"

}  // namespace vnni256
HWY_POP_ATTRIBUTES

// AVX_VNNI is bit 4 of EAX in leaf 7, subleaf 1; compilers of 2022 have no name for it.
bool has_avx_vnni() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return __builtin_cpu_supports("avx2") && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0 && (eax & 0x10U) != 0;
}

}  // namespace

Int8Multiply vnni_multiply(SimdTarget target) {
  if (target == SimdTarget::kAvx512 && __builtin_cpu_supports("avx512vnni")) return vnni512::int8_multiply;
  if (target == SimdTarget::kAvx2 && has_avx_vnni()) return vnni256::int8_multiply;
  return nullptr;
}

}  // namespace proxima

#else

namespace proxima {

Int8Multiply vnni_multiply(SimdTarget /*target*/) {
  return nullptr;
}

}  // namespace proxima

#endif
