// SPDX-License-Identifier: MIT
// Oracles: the formats' definitions by ldexp, and for rounding the exact midpoints between neighbouring values.
#include "core/dtype.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace proxima {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// A 16-bit format by its definition: sign, n_exponent bits, the rest mantissa.
double define(uint32_t bits, int n_exponent) {
  const int n_mantissa = 15 - n_exponent;
  const int bias = (1 << (n_exponent - 1)) - 1;
  const int exponent = static_cast<int>(bits >> n_mantissa) & ((1 << n_exponent) - 1);
  const int mantissa = static_cast<int>(bits) & ((1 << n_mantissa) - 1);
  const double sign = (bits & 0x8000) != 0 ? -1.0 : 1.0;
  if (exponent == (1 << n_exponent) - 1) return mantissa == 0 ? sign * INFINITY : NAN;
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - n_mantissa);
  return sign * std::ldexp(mantissa + (1 << n_mantissa), exponent - bias - n_mantissa);
}

struct F16Format {
  static constexpr int kExponentBits = 5;
  static float widen_bits(uint32_t bits) { return widen(F16{static_cast<uint16_t>(bits)}); }
  static uint32_t round(float x) { return round_to_f16(x).bits; }
};
struct BF16Format {
  static constexpr int kExponentBits = 8;
  static float widen_bits(uint32_t bits) { return widen(BF16{static_cast<uint16_t>(bits)}); }
  static uint32_t round(float x) { return round_to_bf16(x).bits; }
};

template <class Format>
class Sixteen : public testing::Test {};
using Formats = testing::Types<F16Format, BF16Format>;
TYPED_TEST_SUITE(Sixteen, Formats);

TYPED_TEST(Sixteen, WidensEveryPatternExactly) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float got = TypeParam::widen_bits(bits);
    const double want = define(bits, TypeParam::kExponentBits);
    if (std::isnan(want)) {
      ASSERT_TRUE(std::isnan(got)) << bits;
    } else {
      ASSERT_EQ(static_cast<double>(got), want) << bits;
      ASSERT_EQ(std::signbit(got), (bits & 0x8000) != 0) << bits;
    }
  }
}

TYPED_TEST(Sixteen, RoundsEveryRepresentableValueToItself) {
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float x = TypeParam::widen_bits(bits);
    const uint32_t got = TypeParam::round(x);
    if (std::isnan(x)) {
      ASSERT_TRUE(std::isnan(TypeParam::widen_bits(got))) << bits;
      ASSERT_EQ(got & 0x8000, bits & 0x8000);
    } else {
      ASSERT_EQ(got, bits);
    }
  }
}

// Every gap between neighbours, the one below infinity included: just under the midpoint goes down, just above goes up,
// the midpoint itself to the even pattern.
TYPED_TEST(Sixteen, RoundsToNearestAndTiesToEven) {
  const uint32_t infinity = ((1U << TypeParam::kExponentBits) - 1) << (15 - TypeParam::kExponentBits);
  for (uint32_t low = 0; low < infinity; ++low) {
    const double a = define(low, TypeParam::kExponentBits);
    const double b = low + 1 < infinity
                         ? define(low + 1, TypeParam::kExponentBits)
                         : 2 * a - define(low - 1, TypeParam::kExponentBits);  // as if there were one more
    const auto middle = static_cast<float>((a + b) / 2);
    ASSERT_EQ(static_cast<double>(middle), (a + b) / 2);
    for (const float sign : {1.0F, -1.0F}) {
      const uint32_t sign_bit = sign < 0 ? 0x8000 : 0;
      ASSERT_EQ(TypeParam::round(sign * std::nextafter(middle, 0.0F)), sign_bit | low);
      ASSERT_EQ(TypeParam::round(sign * std::nextafter(middle, kInfinity)), sign_bit | (low + 1));
      ASSERT_EQ(TypeParam::round(sign * middle), sign_bit | (low + (low & 1)));
    }
  }
}

TYPED_TEST(Sixteen, KeepsExtremes) {
  EXPECT_EQ(TypeParam::widen_bits(TypeParam::round(kInfinity)), kInfinity);
  EXPECT_EQ(TypeParam::widen_bits(TypeParam::round(-kInfinity)), -kInfinity);
  EXPECT_EQ(TypeParam::widen_bits(TypeParam::round(std::numeric_limits<float>::max())), kInfinity);
  EXPECT_EQ(TypeParam::round(std::numeric_limits<float>::denorm_min()), 0U);
  // A NaN whose payload sits in the lowest bit only must not turn into infinity.
  for (const uint32_t bits : {0x7F800001U, 0xFF800001U, 0x7FFFFFFFU, 0x7FC00000U}) {
    EXPECT_TRUE(std::isnan(TypeParam::widen_bits(TypeParam::round(std::bit_cast<float>(bits))))) << bits;
  }
}

TEST(DType, NamesAndSizesAgree) {
  size_t n_types = 0;
  for (const auto& [name, n_bytes] : {std::pair<const char*, size_t>{"F64", 8},
                                      {"F32", 4},
                                      {"F16", 2},
                                      {"BF16", 2},
                                      {"I64", 8},
                                      {"I32", 4},
                                      {"I16", 2},
                                      {"I8", 1},
                                      {"U64", 8},
                                      {"U32", 4},
                                      {"U16", 2},
                                      {"U8", 1},
                                      {"BOOL", 1},
                                      {"F8_E4M3", 1},
                                      {"F8_E5M2", 1}}) {
    const auto dtype = dtype_from_name(name);
    ASSERT_TRUE(dtype) << name;
    EXPECT_EQ(dtype_name(*dtype), name);
    EXPECT_EQ(dtype_bytes(*dtype), n_bytes) << name;
    ++n_types;
  }
  EXPECT_EQ(n_types, static_cast<size_t>(DType::kF8E5M2) + 1);
  EXPECT_EQ(row_bytes(DType::kBF16, 3), 6U);
  EXPECT_EQ(dtype_name(DType::kQ8_0), "Q8_0");
  EXPECT_EQ(block_elements(DType::kQ8_0), 32U);
  EXPECT_EQ(row_bytes(DType::kQ8_0, 96), 102U);
  EXPECT_FALSE(dtype_from_name("bf16"));
  EXPECT_FALSE(dtype_from_name(""));
}

}  // namespace
}  // namespace proxima
