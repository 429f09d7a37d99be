// SPDX-License-Identifier: MIT
// The entropy kernel of every SIMD target against long double logarithms.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/kernels.h"
#include "test/random.h"

namespace proxima {
namespace {

using test::Random;

template <class T>
class EntropyKernelTest : public ::testing::Test {
 protected:
  template <class F>
  static void for_each_target(F f) {
    for (const SimdTarget target : supported_simd_targets()) {
      SCOPED_TRACE(simd_target_name(target));
      f(kernels_for(target).of<T>());
    }
  }
};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(EntropyKernelTest, Types);

// Over the whole range of exponents and around 1, where a logarithm can cancel.
template <class T>
T probability(Random& random) {
  const double reach = std::is_same_v<T, float> ? 120 : 1000;
  const double size = std::exp2(-reach * std::abs(random.symmetric()));
  switch (random.below(4)) {
    case 0:
      return T{0};
    case 1:
      return static_cast<T>(size);
    case 2:
      return static_cast<T>(1 - size);
    default:
      return static_cast<T>(std::abs(random.symmetric()));
  }
}

TYPED_TEST(EntropyKernelTest, OneTermIsAccurate) {
  using T = TypeParam;
  Random random(1);
  double largest = 0;
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    for (int k = 0; k < 20000; ++k) {
      std::vector<T> p(16, T{0}), r(16, T{0});
      const size_t place = random.below(16);
      p[place] = probability<T>(random), r[place] = probability<T>(random);
      const long double m = (static_cast<long double>(p[place]) + static_cast<long double>(r[place])) / 2;
      const long double expected = m > 0 ? m * std::log2(m) : 0;
      const auto got = static_cast<long double>(arithmetic.mean_entropy(p.data(), r.data(), 16));
      // m itself is rounded, which moves its logarithm by a unit of m.
      const long double unit = std::numeric_limits<T>::epsilon() / 2;
      const long double allowed = 3 * unit * (std::abs(expected) + m) + std::numeric_limits<T>::min();
      ASSERT_LE(std::abs(got - expected), allowed) << p[place] << " " << r[place];
      if (m > 0.001L) largest = std::max(largest, static_cast<double>(std::abs(got - expected) / (unit * m)));
    }
  });
  std::printf("largest error %.2f units of m\n", largest);
}

TYPED_TEST(EntropyKernelTest, SumsInDoubleWithTheSameBitsOnEveryTarget) {
  using T = TypeParam;
  Random random(2);
  for (const size_t n : {0U, 16U, 32U, 48U, 4096U}) {
    std::vector<T> p(n), r(n);
    long double expected = 0, magnitude = 0;
    for (size_t i = 0; i < n; ++i) {
      p[i] = probability<T>(random), r[i] = probability<T>(random);
      const long double m = (static_cast<long double>(p[i]) + static_cast<long double>(r[i])) / 2;
      if (m > 0) expected += m * std::log2(m), magnitude += m * (1 + std::abs(std::log2(m)));
    }
    const double reference = kernels_for(SimdTarget::kScalar).of<T>().mean_entropy(p.data(), r.data(), n);
    this->for_each_target(
        [&](const Arithmetic<T>& arithmetic) { ASSERT_EQ(arithmetic.mean_entropy(p.data(), r.data(), n), reference); });
    EXPECT_NEAR(reference, static_cast<double>(expected),
                static_cast<double>(3 * std::numeric_limits<T>::epsilon() * magnitude));
  }
}

TYPED_TEST(EntropyKernelTest, NaNIsSeen) {
  using T = TypeParam;
  std::vector<T> p(32, T{0});
  const std::vector<T> r(32, T{0});
  p[17] = std::numeric_limits<T>::quiet_NaN();
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    EXPECT_TRUE(std::isnan(arithmetic.mean_entropy(p.data(), r.data(), 32)));
  });
}

}  // namespace
}  // namespace proxima
