// SPDX-License-Identifier: MIT
// The hyperbolic tangent of every SIMD target, by the two kernels that use it: soft-caps and the tanh form of GELU.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/kernels.h"
#include "test/random.h"
#include "test/stored_matrix.h"

namespace proxima {
namespace {

using test::Random;
using test::same_bits;

template <class T>
class TanhTest : public ::testing::Test {
 protected:
  static constexpr double kUnit = std::numeric_limits<T>::epsilon() / 2;
  static constexpr T kNaN = std::numeric_limits<T>::quiet_NaN();
  static constexpr T kInfinity = std::numeric_limits<T>::infinity();

  template <class F>
  static void for_each_target(F f) {
    for (const SimdTarget target : supported_simd_targets()) {
      SCOPED_TRACE(simd_target_name(target));
      f(kernels_for(target).of<T>());
    }
  }
  static const Arithmetic<T>& scalar() { return kernels_for(SimdTarget::kScalar).of<T>(); }
};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(TanhTest, Types);

std::vector<size_t> awkward_lengths() {
  std::vector<size_t> lengths(2 * 16 + 2);
  for (size_t n = 0; n < lengths.size(); ++n) lengths[n] = n;
  for (const size_t n : {64U, 79U, 80U, 99U, 128U, 257U}) lengths.push_back(n);
  return lengths;
}

// A cap and a scale of 1 leave the tangent itself.
TYPED_TEST(TanhTest, IsAccurateOverItsRange) {
  using T = TypeParam;
  Random random(1);
  std::vector<T> x = {T{0}, static_cast<T>(-1e-30), T{1}, T{9}, T{10}, T{-10}, T{20}, T{-25}};
  for (int k = 0; k < 100000; ++k) x.push_back(static_cast<T>(22 * random.symmetric()));
  for (int k = 0; k < 50000; ++k) {  // no cancellation near 0
    const double size = std::exp2(-30 * std::abs(random.symmetric()));
    x.push_back(static_cast<T>(random.below(2) == 0 ? size : -size));
  }
  for (int k = 1; k < 100; ++k) x.push_back(static_cast<T>(k) * static_cast<T>(0.17328679513998632));  // ln 2 / 4
  double largest = 0;
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    auto y = x, expected_bits = x;
    arithmetic.softcap(y.data(), y.size(), T{1}, T{1});
    this->scalar().softcap(expected_bits.data(), y.size(), T{1}, T{1});
    ASSERT_TRUE(same_bits(y, expected_bits));
    for (size_t k = 0; k < x.size(); ++k) {
      const long double exact = std::tanh(static_cast<long double>(x[k]));
      const T magnitude = std::abs(static_cast<T>(exact));
      const T ulp = magnitude - std::nextafter(magnitude, T{0});
      const double error =
          std::abs(static_cast<double>((static_cast<long double>(y[k]) - exact) / (ulp > 0 ? ulp : 1)));
      largest = std::max(largest, error);
      ASSERT_LT(error, 3) << x[k];
      ASSERT_LE(std::abs(y[k]), T{1});
    }
  });
  std::printf("tanh: largest error %.3f ulp\n", largest);
}

TYPED_TEST(TanhTest, SoftcapOfAnyLength) {
  using T = TypeParam;
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    Random random(2);
    for (const size_t n : awkward_lengths()) {
      const T scale = static_cast<T>(0.3), cap = static_cast<T>(n % 2 == 0 ? 50 : 0.5);
      const auto x = random.numbers<T>(n + 2, n % 3 == 0 ? 500 : 5);
      auto y = x, expected_bits = x;
      arithmetic.softcap(y.data(), n, scale, cap);
      this->scalar().softcap(expected_bits.data(), n, scale, cap);
      ASSERT_TRUE(same_bits(y, expected_bits));
      for (size_t k = 0; k < n; ++k) {
        const double limit = static_cast<double>(cap);
        const double expected = limit * std::tanh(static_cast<double>(scale) * static_cast<double>(x[k]) / limit);
        ASSERT_NEAR(static_cast<double>(y[k]), expected, 10 * this->kUnit * std::abs(expected)) << x[k];
      }
      ASSERT_TRUE(y[n] == x[n] && y[n + 1] == x[n + 1]);
    }
  });
}

TYPED_TEST(TanhTest, EndsAreExactAndNaNStays) {
  using T = TypeParam;
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    std::vector<T> x = {T{1000}, T{-1000}, this->kInfinity, -this->kInfinity, T{0}, this->kNaN, -this->kNaN};
    arithmetic.softcap(x.data(), x.size(), T{1}, T{30});
    EXPECT_EQ(x[0], T{30});
    EXPECT_EQ(x[1], T{-30});
    EXPECT_EQ(x[2], T{30});
    EXPECT_EQ(x[3], T{-30});
    EXPECT_EQ(x[4], T{0});
    EXPECT_TRUE(std::isnan(x[5]) && std::isnan(x[6]));

    std::vector<T> gate = {T{1000}, T{-1000}, T{0}, this->kNaN, -this->kNaN};
    const std::vector<T> ones(gate.size(), T{1});
    arithmetic.gelu_mul(gate.data(), ones.data(), gate.size());
    EXPECT_EQ(gate[0], T{1000});
    EXPECT_EQ(gate[1], T{0});
    EXPECT_EQ(gate[2], T{0});
    EXPECT_TRUE(std::isnan(gate[3]) && std::isnan(gate[4]));
  });
}

// Where GELU is small against its argument, 1 + tanh cancels: the error is one of the argument.
TYPED_TEST(TanhTest, GeluMul) {
  using T = TypeParam;
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    Random random(3);
    for (const size_t n : awkward_lengths()) {
      auto gate = random.numbers<T>(n + 2, n % 3 == 0 ? 40 : 3);
      const auto before = gate, up = random.numbers<T>(n);
      auto expected_bits = gate;
      arithmetic.gelu_mul(gate.data(), up.data(), n);
      this->scalar().gelu_mul(expected_bits.data(), up.data(), n);
      ASSERT_TRUE(same_bits(gate, expected_bits));
      for (size_t k = 0; k < n; ++k) {
        const double g = static_cast<double>(before[k]), u = static_cast<double>(up[k]);
        const double inner = std::sqrt(2 / std::acos(-1.0)) * (g + 0.044715 * g * g * g);
        const double expected = g / 2 * (1 + std::tanh(inner)) * u;
        ASSERT_NEAR(static_cast<double>(gate[k]), expected, 12 * this->kUnit * std::abs(g * u)) << g;
      }
      ASSERT_TRUE(gate[n] == before[n] && gate[n + 1] == before[n + 1]);
    }
  });
}

}  // namespace
}  // namespace proxima
