// SPDX-License-Identifier: MIT
// Element types as safetensors names them, and the two 16-bit formats as storage-only types.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace proxima {

// F64 to BF16 are read and written by the runtime; the integers and 8-bit floats exist so that a file that holds them
// is understood and refused by name where they are used. Q8_0 is no element type of files: rows of caches consist of
// its blocks.
enum class DType {
  kF64,
  kF32,
  kF16,
  kBF16,
  kI64,
  kI32,
  kI16,
  kI8,
  kU64,
  kU32,
  kU16,
  kU8,
  kBool,
  kF8E4M3,
  kF8E5M2,
  kQ8_0
};

size_t dtype_bytes(DType dtype);           // bytes of one element; not of Q8_0
size_t block_elements(DType dtype);        // elements that are stored together: 32 of Q8_0, 1 of the others
size_t row_bytes(DType dtype, size_t n);   // of n elements, whole blocks
std::string_view dtype_name(DType dtype);  // "BF16", as in a safetensors header
std::optional<DType> dtype_from_name(std::string_view name);

// 16-bit patterns; arithmetic happens after widening, which is exact.
struct BF16 {
  uint16_t bits;
};
struct F16 {
  uint16_t bits;
};

// 32 consecutive elements of a row, as llama.cpp's type of this name: element k is scale * steps[k], exact in float.
struct Q8_0 {
  static constexpr size_t kElements = 32;
  F16 scale;
  int8_t steps[kElements];
};
static_assert(sizeof(Q8_0) == 34);

inline float widen(float x) {
  return x;
}
inline double widen(double x) {
  return x;
}
inline float widen(BF16 x) {
  return std::bit_cast<float>(static_cast<uint32_t>(x.bits) << 16);
}
float widen(F16 x);

// Round to nearest, ties to even; NaN stays NaN, overflow becomes infinity.
BF16 round_to_bf16(float x);
F16 round_to_f16(float x);

// The scale of a block whose largest magnitude this is: with steps of -127 to 127 no element is off by more than half
// of it. NaN where there is none, for a block that is not finite or too large for F16.
F16 q8_0_scale(float largest);

template <class T>
struct DTypeOf;
template <>
struct DTypeOf<double> {
  static constexpr DType value = DType::kF64;
};
template <>
struct DTypeOf<float> {
  static constexpr DType value = DType::kF32;
};
template <>
struct DTypeOf<BF16> {
  static constexpr DType value = DType::kBF16;
};
template <>
struct DTypeOf<F16> {
  static constexpr DType value = DType::kF16;
};

}  // namespace proxima
