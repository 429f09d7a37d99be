// SPDX-License-Identifier: MIT
// The exponential, the element-by-element kernels and the storage conversions of every SIMD target.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "core/kernels.h"
#include "test/random.h"
#include "test/stored_matrix.h"

namespace proxima {
namespace {

using test::decode;
using test::Random;
using test::same_bits;

std::vector<size_t> awkward_lengths() {
  std::vector<size_t> lengths(2 * 16 + 2);
  for (size_t n = 0; n < lengths.size(); ++n) lengths[n] = n;
  for (const size_t n : {64U, 79U, 80U, 99U, 128U, 257U, 1000U}) lengths.push_back(n);
  return lengths;
}

template <class T>
class ElementwiseTest : public ::testing::Test {
 protected:
  static constexpr double kUnit = std::numeric_limits<T>::epsilon() / 2;

  template <class F>
  static void for_each_target(F f) {
    for (const SimdTarget target : supported_simd_targets()) {
      SCOPED_TRACE(simd_target_name(target));
      f(kernels_for(target).of<T>());
    }
  }
  static const Arithmetic<T>& scalar() { return kernels_for(SimdTarget::kScalar).of<T>(); }

  // exp of x <= 0 through `exponentials`, whose subtraction of the largest score, 0, is exact.
  static std::vector<T> exponentials_of(const Arithmetic<T>& arithmetic, std::vector<T> x) {
    x.resize((x.size() + 1 + 15) / 16 * 16, T{0});
    T max = 1;
    arithmetic.exponentials(x.data(), x.size(), T{1}, &max);
    EXPECT_EQ(max, T{0});
    return x;
  }
};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(ElementwiseTest, Types);

template <class T>
double error_in_ulps(T got, long double expected) {
  const T rounded = static_cast<T>(expected);
  const T ulp = std::nextafter(rounded, std::numeric_limits<T>::infinity()) - rounded;
  return static_cast<double>(std::abs(static_cast<long double>(got) - expected) / static_cast<long double>(ulp));
}

TYPED_TEST(ElementwiseTest, ExponentialIsAccurateOverItsRange) {
  using T = TypeParam;
  const T lowest = std::is_same_v<T, float> ? T(-87.3) : T(-708.3);
  Random random(1);
  std::vector<T> x;
  for (int k = 0; k < 200000; ++k) x.push_back(lowest * static_cast<T>(std::abs(random.symmetric())));
  for (int k = 0; k < 20000; ++k) x.push_back(static_cast<T>(-std::exp2(8 * random.symmetric() - 12)));
  for (int k = 0; k < 100; ++k) x.push_back(-static_cast<T>(k) * static_cast<T>(0.34657359027997264));  // ln 2 / 2
  x.push_back(lowest);
  double largest = 0;
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    const auto p = this->exponentials_of(arithmetic, x);
    ASSERT_TRUE(same_bits(p, this->exponentials_of(this->scalar(), x)));
    for (size_t k = 0; k < x.size(); ++k) {
      if (x[k] < lowest) continue;
      const double error = error_in_ulps(p[k], std::exp(static_cast<long double>(x[k])));
      largest = std::max(largest, error);
      ASSERT_LT(error, 1.25) << x[k];
      ASSERT_EQ(arithmetic.exp(x[k]), p[k]);
    }
  });
  this->RecordProperty("largest_error_ulp", std::to_string(largest));
  std::printf("exp: largest error %.3f ulp\n", largest);
}

TYPED_TEST(ElementwiseTest, ExponentialEndsAreExact) {
  using T = TypeParam;
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  const T below = std::is_same_v<T, float> ? T(-87.31) : T(-708.31);
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    const std::vector<T> x = {T{0},
                              -T{0},
                              below,
                              T{-1000},
                              std::numeric_limits<T>::lowest(),
                              -kInfinity,
                              std::numeric_limits<T>::quiet_NaN()};
    const auto p = this->exponentials_of(arithmetic, x);
    EXPECT_EQ(p[0], T{1});
    EXPECT_EQ(p[1], T{1});
    for (size_t k = 2; k < 6; ++k) EXPECT_TRUE(p[k] == T{0} && !std::signbit(p[k])) << x[k];
    EXPECT_TRUE(std::isnan(p[6]));
  });
}

TYPED_TEST(ElementwiseTest, SiluMul) {
  using T = TypeParam;
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    Random random(2);
    for (const size_t n : awkward_lengths()) {
      auto gate = random.numbers<T>(n + 2, n % 3 == 0 ? 80 : 5);
      const auto before = gate, up = random.numbers<T>(n);
      auto expected_bits = gate;
      arithmetic.silu_mul(gate.data(), up.data(), n);
      this->scalar().silu_mul(expected_bits.data(), up.data(), n);
      ASSERT_TRUE(same_bits(gate, expected_bits));
      for (size_t k = 0; k < n; ++k) {
        const double g = static_cast<double>(before[k]);
        const double expected = g / (1 + std::exp(-g)) * static_cast<double>(up[k]);
        ASSERT_NEAR(static_cast<double>(gate[k]), expected, 8 * this->kUnit * std::abs(expected)) << g;
      }
      for (size_t k = n; k < n + 2; ++k) ASSERT_EQ(gate[k], before[k]);
    }
    // The exponential saturates; the result goes to g and to 0 all the same, and NaN stays.
    std::vector<T> ends = {T{5000}, T{-5000}, std::numeric_limits<T>::quiet_NaN()};
    const std::vector<T> ones(3, T{1});
    arithmetic.silu_mul(ends.data(), ones.data(), 3);
    EXPECT_EQ(ends[0], T{5000});
    EXPECT_NEAR(static_cast<double>(ends[1]), 0, 1e-30);
    EXPECT_TRUE(std::isnan(ends[2]));
  });
}

TYPED_TEST(ElementwiseTest, ScaleAndAddRoundOnce) {
  using T = TypeParam;
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    Random random(3);
    for (const size_t n : awkward_lengths()) {
      const auto x = random.numbers<T>(n + 1), y = random.numbers<T>(n + 1);
      const T factor = static_cast<T>(random.symmetric());
      auto scaled = x, sum = y;
      arithmetic.scale(scaled.data(), n, factor);
      arithmetic.add(sum.data(), x.data(), n);
      for (size_t k = 0; k < n; ++k) {
        ASSERT_EQ(scaled[k], x[k] * factor);
        ASSERT_EQ(sum[k], y[k] + x[k]);
      }
      ASSERT_TRUE(scaled[n] == x[n] && sum[n] == y[n]);
    }
  });
}

TYPED_TEST(ElementwiseTest, RmsNorm) {
  using T = TypeParam;
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    Random random(4);
    for (const size_t n : awkward_lengths()) {
      const double eps = 1e-5;
      const auto x = random.numbers<T>(n, n % 2 == 0 ? 1e-3 : 10), weight = random.numbers<T>(n);
      std::vector<T> y(n + 1, T{77}), expected_bits(n + 1, T{77});
      arithmetic.rmsnorm(x.data(), weight.data(), static_cast<T>(eps), n, y.data());
      this->scalar().rmsnorm(x.data(), weight.data(), static_cast<T>(eps), n, expected_bits.data());
      ASSERT_TRUE(same_bits(y, expected_bits));
      double squares = 0;
      for (const T value : x) squares += static_cast<double>(value) * static_cast<double>(value);
      for (size_t k = 0; k < n; ++k) {
        const double mean = squares / static_cast<double>(n);
        const double expected = static_cast<double>(x[k]) / std::sqrt(mean + eps) * static_cast<double>(weight[k]);
        const double steps = 10 + static_cast<double>(n) / 8;
        ASSERT_NEAR(static_cast<double>(y[k]), expected, steps * this->kUnit * std::abs(expected)) << n;
      }
      ASSERT_EQ(y[n], T{77});
    }
  });
}

TYPED_TEST(ElementwiseTest, Rotate) {
  using T = TypeParam;
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    Random random(5);
    for (const size_t n_half : awkward_lengths()) {
      const auto x = random.numbers<T>(2 * n_half + 1), c = random.numbers<T>(n_half), s = random.numbers<T>(n_half);
      auto y = x, expected_bits = x;
      arithmetic.rotate(y.data(), c.data(), s.data(), n_half);
      this->scalar().rotate(expected_bits.data(), c.data(), s.data(), n_half);
      ASSERT_TRUE(same_bits(y, expected_bits));
      for (size_t k = 0; k < n_half; ++k) {
        const double a = static_cast<double>(x[k]), b = static_cast<double>(x[n_half + k]);
        const double cosine = static_cast<double>(c[k]), sine = static_cast<double>(s[k]);
        ASSERT_NEAR(static_cast<double>(y[k]), a * cosine - b * sine,
                    3 * this->kUnit * (std::abs(a * cosine) + std::abs(b * sine)));
        ASSERT_NEAR(static_cast<double>(y[n_half + k]), b * cosine + a * sine,
                    3 * this->kUnit * (std::abs(b * cosine) + std::abs(a * sine)));
      }
      ASSERT_EQ(y[2 * n_half], x[2 * n_half]);
    }
  });
}

// ---- storage --------------------------------------------------------------------------------------------------------

TYPED_TEST(ElementwiseTest, WidenReadsEveryPatternExactly) {
  using T = TypeParam;
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    for (const DType dtype : {DType::kBF16, DType::kF16}) {
      std::vector<std::byte> stored(2 * 65536 + 1);
      for (uint32_t bits = 0; bits < 65536; ++bits) std::memcpy(stored.data() + 1 + 2 * bits, &bits, 2);
      std::vector<T> x(65536);
      arithmetic.widen(stored.data() + 1, dtype, x.size(), x.data());  // an odd address
      for (size_t bits = 0; bits < 65536; ++bits) {
        const double expected = decode(dtype, stored.data() + 1 + 2 * bits);
        if (std::isnan(expected)) {
          ASSERT_TRUE(std::isnan(x[bits]));
        } else {
          ASSERT_EQ(static_cast<double>(x[bits]), expected) << dtype_name(dtype) << " pattern " << bits;
          ASSERT_EQ(std::signbit(x[bits]), std::signbit(expected));
        }
      }
    }
  });
}

TYPED_TEST(ElementwiseTest, WidenStopsAtTheEnd) {
  using T = TypeParam;
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    Random random(6);
    std::vector<DType> dtypes = {DType::kF32, DType::kBF16, DType::kF16};
    if (std::is_same_v<T, double>) dtypes.push_back(DType::kF64);
    for (const DType dtype : dtypes) {
      for (const size_t n : awkward_lengths()) {
        const test::StoredMatrix row(dtype, 1, n, random.numbers<double>(n), random.below(64), 1);
        std::vector<T> x(n + 1, T{77});
        arithmetic.widen(row.rows().data, dtype, n, x.data());
        for (size_t k = 0; k < n; ++k) ASSERT_EQ(static_cast<double>(x[k]), row.at(0, k));
        ASSERT_EQ(x[n], T{77});
      }
    }
  });
}

// Floats that matter to rounding: every 16-bit value, the ties between neighbours, a little beside them, and any.
std::vector<float> rounding_cases(DType dtype) {
  std::vector<float> cases;
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    std::byte element[2];
    std::memcpy(element, &bits, 2);
    const auto value = static_cast<float>(decode(dtype, element));
    const uint32_t half = dtype == DType::kBF16 ? 0x8000 : 0x1000;
    for (const uint32_t more : {0U, half - 1, half, half + 1}) {
      cases.push_back(std::bit_cast<float>(std::bit_cast<uint32_t>(value) + more));
    }
  }
  Random random(7);
  for (int k = 0; k < 200000; ++k) cases.push_back(std::bit_cast<float>(static_cast<uint32_t>(random.next())));
  for (int k = 0; k < 50000; ++k) {  // halves around and below the smallest normal number
    cases.push_back(static_cast<float>(random.symmetric() * std::exp2(-13 - static_cast<double>(random.below(14)))));
  }
  return cases;
}

TEST(NarrowTest, RoundsToNearestEvenOnEveryTarget) {
  for (const SimdTarget target : supported_simd_targets()) {
    SCOPED_TRACE(simd_target_name(target));
    const auto& arithmetic = kernels_for(target).f32;
    for (const DType dtype : {DType::kBF16, DType::kF16}) {
      const auto x = rounding_cases(dtype);
      std::vector<std::byte> stored(2 * x.size() + 1);
      arithmetic.narrow(x.data(), x.size(), dtype, stored.data() + 1);
      for (size_t k = 0; k < x.size(); ++k) {
        uint16_t got = 0, expected = 0;
        std::memcpy(&got, stored.data() + 1 + 2 * k, 2);
        const uint16_t core = dtype == DType::kBF16 ? round_to_bf16(x[k]).bits : round_to_f16(x[k]).bits;
        if (std::isnan(x[k])) {
          ASSERT_TRUE(std::isnan(decode(dtype, stored.data() + 1 + 2 * k)));
          continue;
        }
        test::encode(static_cast<double>(x[k]), dtype, reinterpret_cast<std::byte*>(&expected));
        ASSERT_EQ(got, expected) << dtype_name(dtype) << " of " << x[k];
        ASSERT_EQ(core, expected) << dtype_name(dtype) << " of " << x[k];
      }
    }
  }
}

TEST(NarrowTest, WritesExactlyNElements) {
  for (const SimdTarget target : supported_simd_targets()) {
    SCOPED_TRACE(simd_target_name(target));
    Random random(8);
    for (const size_t n : awkward_lengths()) {
      const auto x = random.numbers<float>(n);
      for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
        std::vector<std::byte> stored(1 + n * dtype_bytes(dtype) + 4, std::byte{0x5A});
        kernels_for(target).f32.narrow(x.data(), n, dtype, stored.data() + 1);
        for (size_t k = 0; k < 4; ++k) ASSERT_EQ(stored[stored.size() - 1 - k], std::byte{0x5A});
        ASSERT_EQ(stored[0], std::byte{0x5A});
        std::vector<std::byte> expected(n * dtype_bytes(dtype));
        for (size_t k = 0; k < n; ++k) {
          test::encode(static_cast<double>(x[k]), dtype, expected.data() + k * dtype_bytes(dtype));
        }
        ASSERT_TRUE(std::equal(expected.begin(), expected.end(), stored.begin() + 1));
      }
      const auto y = random.numbers<double>(n);
      std::vector<double> stored(n);
      kernels_for(target).f64.narrow(y.data(), n, DType::kF64, reinterpret_cast<std::byte*>(stored.data()));
      ASSERT_TRUE(same_bits(stored, y));
    }
  }
}

}  // namespace
}  // namespace proxima
