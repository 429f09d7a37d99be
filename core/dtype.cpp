// SPDX-License-Identifier: MIT
#include "core/dtype.h"

#include <array>
#include <cassert>
#include <cmath>

namespace proxima {

namespace {

struct DTypeRow {
  DType dtype;
  std::string_view name;
  size_t n_bytes;         // of a block
  size_t n_elements = 1;  // of a block
};

constexpr std::array kDTypes = {
    DTypeRow{DType::kF64, "F64", 8},        DTypeRow{DType::kF32, "F32", 4},
    DTypeRow{DType::kF16, "F16", 2},        DTypeRow{DType::kBF16, "BF16", 2},
    DTypeRow{DType::kI64, "I64", 8},        DTypeRow{DType::kI32, "I32", 4},
    DTypeRow{DType::kI16, "I16", 2},        DTypeRow{DType::kI8, "I8", 1},
    DTypeRow{DType::kU64, "U64", 8},        DTypeRow{DType::kU32, "U32", 4},
    DTypeRow{DType::kU16, "U16", 2},        DTypeRow{DType::kU8, "U8", 1},
    DTypeRow{DType::kBool, "BOOL", 1},      DTypeRow{DType::kF8E4M3, "F8_E4M3", 1},
    DTypeRow{DType::kF8E5M2, "F8_E5M2", 1}, DTypeRow{DType::kQ8_0, "Q8_0", sizeof(Q8_0), Q8_0::kElements},
};

constexpr bool rows_follow_the_enum() {
  for (size_t index = 0; index < kDTypes.size(); ++index) {
    if (static_cast<size_t>(kDTypes[index].dtype) != index) return false;
  }
  return true;
}
static_assert(rows_follow_the_enum());

const DTypeRow& row(DType dtype) {
  return kDTypes[static_cast<size_t>(dtype)];
}

}  // namespace

size_t dtype_bytes(DType dtype) {
  assert(row(dtype).n_elements == 1);
  return row(dtype).n_bytes;
}

size_t block_elements(DType dtype) {
  return row(dtype).n_elements;
}

size_t row_bytes(DType dtype, size_t n) {
  assert(n % row(dtype).n_elements == 0);
  return n / row(dtype).n_elements * row(dtype).n_bytes;
}

std::string_view dtype_name(DType dtype) {
  return row(dtype).name;
}

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const DTypeRow& candidate : kDTypes) {
    if (candidate.name == name) return candidate.dtype;
  }
  return std::nullopt;
}

float widen(F16 x) {
  const uint32_t sign = static_cast<uint32_t>(x.bits & 0x8000U) << 16;
  const uint32_t exponent = (x.bits >> 10) & 0x1FU;
  const uint32_t mantissa = x.bits & 0x3FFU;
  if (exponent == 0) {  // zero and subnormals: mantissa units of 2^-24, exact in float
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | sign);
  }
  // Infinity and NaN keep an all-ones exponent; everything else moves from bias 15 to bias 127.
  const uint32_t wide_exponent = exponent == 0x1F ? 0xFFU : exponent + 112U;
  return std::bit_cast<float>(sign | wide_exponent << 23 | mantissa << 13);
}

BF16 round_to_bf16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  // A NaN whose payload lies in the dropped half would become infinity: make it quiet instead.
  if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return {static_cast<uint16_t>(bits >> 16 | 0x40U)};
  // Half an ulp minus one, plus the last kept bit: exact ties go to the even pattern. The carry may reach infinity.
  return {static_cast<uint16_t>((bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16)};
}

F16 round_to_f16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint32_t sign = bits >> 16 & 0x8000U;
  const uint32_t magnitude = bits & 0x7FFFFFFFU;
  uint32_t half = 0;
  if (magnitude > 0x7F800000U) {
    half = 0x7E00U | (magnitude >> 13 & 0x3FFU);  // NaN, quiet
  } else if (magnitude >= 0x47800000U) {
    half = 0x7C00U;                       // 65536 and beyond; 65520 to 65536 carry into infinity below
  } else if (magnitude >= 0x38800000U) {  // from 2^-14 on: normal in F16
    const uint32_t rebiased = magnitude - (112U << 23);
    half = (rebiased + 0xFFFU + (rebiased >> 13 & 1U)) >> 13;
  } else if (magnitude >= 0x33000000U) {  // from 2^-25 on: subnormal units of 2^-24; below, everything rounds to zero
    const uint32_t shift = 126U - (magnitude >> 23);
    const uint32_t mantissa = (magnitude & 0x7FFFFFU) | 0x800000U;
    const uint32_t kept = mantissa >> shift;
    half = (mantissa + (1U << (shift - 1)) - 1U + (kept & 1U)) >> shift;
  }
  return {static_cast<uint16_t>(sign | half)};
}

// Among subnormal scales the nearest may be too small for the largest element; the next one is not.
F16 q8_0_scale(float largest) {
  F16 scale = round_to_f16(largest / 127);
  if (127.5F * widen(scale) < largest) ++scale.bits;
  return std::isfinite(widen(scale)) ? scale : F16{0x7E00};
}

}  // namespace proxima
