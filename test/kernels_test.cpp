// SPDX-License-Identifier: MIT
// Products, softmax and merging of every SIMD target against plain loops in double, and against each other bit by bit.
#include "core/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "test/random.h"
#include "test/stored_matrix.h"

namespace proxima {
namespace {

using test::Random;
using test::same_bits;
using test::StoredMatrix;

// 0 .. 2N + 1 for the N = 16 lanes of float, and the sizes of real heads and rows, odd ones included.
std::vector<size_t> awkward_lengths() {
  std::vector<size_t> lengths(2 * 16 + 2);
  for (size_t n = 0; n < lengths.size(); ++n) lengths[n] = n;
  for (const size_t n : {64U, 79U, 80U, 96U, 99U, 128U, 257U}) lengths.push_back(n);
  return lengths;
}
constexpr size_t kHeadSizes[] = {8, 10, 14, 24, 64, 80, 96, 128};

template <class T>
std::vector<DType> storage_types() {
  std::vector<DType> types = {DType::kF32, DType::kBF16, DType::kF16};
  types.push_back(std::is_same_v<T, double> ? DType::kF64 : DType::kQ8_0);
  return types;
}

// Those that rows of the type can have.
template <class Lengths>
std::vector<size_t> possible(const Lengths& lengths, DType dtype) {
  std::vector<size_t> whole;
  for (const size_t n : lengths) {
    if (n % block_elements(dtype) == 0) whole.push_back(n);
  }
  return whole;
}

template <class T>
class KernelsTest : public ::testing::Test {
 protected:
  static constexpr double kUnit = std::numeric_limits<T>::epsilon() / 2;  // largest relative error of one rounding
  static constexpr double kLanes = 64 / sizeof(T);

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
TYPED_TEST_SUITE(KernelsTest, Types);

// x [n_x, n] by w [n_w, n] with NaN between the rows and untouched places between the results.
template <class T>
struct DotCase {
  DotCase(Random& random, DType dtype, size_t n_x_in, size_t n_w_in, size_t n_in, size_t offset, bool integers)
      : n_x(n_x_in),
        n_w(n_w_in),
        n(n_in),
        x(n_x * x_stride(), std::numeric_limits<T>::quiet_NaN()),
        w(dtype, n_w, n, draw(random, n_w * n, integers), offset, 3) {
    const auto drawn = draw(random, n_x * n, integers);
    for (size_t r = 0; r < n_x; ++r) {
      for (size_t k = 0; k < n; ++k) x[r * x_stride() + k] = static_cast<T>(drawn[r * n + k]);
    }
  }
  static std::vector<double> draw(Random& random, size_t count, bool integers) {
    auto numbers = random.numbers<double>(count, integers ? 8 : 1);
    for (double& number : numbers) number = integers ? std::round(number) : number;
    return numbers;
  }
  size_t x_stride() const { return n + 5; }
  size_t y_stride() const { return n_w + 2; }
  std::vector<T> run(const Arithmetic<T>& arithmetic) const {
    std::vector<T> y(n_x * y_stride(), T{77});
    arithmetic.dot(x.data(), x_stride(), n_x, w.rows(), n_w, n, y.data(), y_stride());
    return y;
  }
  size_t n_x, n_w, n;
  std::vector<T> x;
  StoredMatrix w;
};

TYPED_TEST(KernelsTest, DotIsTheSumOfProducts) {
  using T = TypeParam;
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    Random random(1);
    for (const DType dtype : storage_types<T>()) {
      for (const size_t n : possible(awkward_lengths(), dtype)) {
        const DotCase<T> c(random, dtype, random.between(1, 9), random.between(1, 19), n, random.below(64), false);
        const auto y = c.run(arithmetic);
        for (size_t r = 0; r < c.n_x; ++r) {
          for (size_t column = 0; column < c.n_w; ++column) {
            double sum = 0, magnitude = 0;
            for (size_t k = 0; k < n; ++k) {
              const double term = static_cast<double>(c.x[r * c.x_stride() + k]) * c.w.at(column, k);
              sum += term;
              magnitude += std::abs(term);
            }
            // One rounding per lane's step, per level of the tree, and those of this loop.
            const double steps = std::ceil(static_cast<double>(n) / this->kLanes) + std::log2(this->kLanes);
            const double own = static_cast<double>(n) * 0x1p-53;
            ASSERT_NEAR(static_cast<double>(y[r * c.y_stride() + column]), sum, (steps * this->kUnit + own) * magnitude)
                << dtype_name(dtype) << " n " << n;
          }
          for (size_t column = c.n_w; column < c.y_stride(); ++column) ASSERT_EQ(y[r * c.y_stride() + column], T{77});
        }
      }
    }
  });
}

TYPED_TEST(KernelsTest, DotOfIntegersIsExact) {
  using T = TypeParam;
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    Random random(2);
    for (const DType dtype : storage_types<T>()) {
      if (dtype == DType::kQ8_0) continue;  // does not hold them
      for (const size_t n : awkward_lengths()) {
        const DotCase<T> c(random, dtype, 5, 9, n, 1, true);
        const auto y = c.run(arithmetic);
        for (size_t r = 0; r < c.n_x; ++r) {
          for (size_t column = 0; column < c.n_w; ++column) {
            double sum = 0;
            for (size_t k = 0; k < n; ++k) sum += static_cast<double>(c.x[r * c.x_stride() + k]) * c.w.at(column, k);
            ASSERT_EQ(static_cast<double>(y[r * c.y_stride() + column]), sum);
          }
        }
      }
    }
  });
}

TYPED_TEST(KernelsTest, DotHasTheSameBitsOnEveryTarget) {
  using T = TypeParam;
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    Random random(3);
    for (const DType dtype : storage_types<T>()) {
      for (const size_t n : possible(kHeadSizes, dtype)) {
        const DotCase<T> c(random, dtype, random.between(1, 9), random.between(1, 19), n, random.below(64), false);
        ASSERT_TRUE(same_bits(c.run(arithmetic), c.run(this->scalar()))) << dtype_name(dtype) << " n " << n;
      }
    }
  });
}

// A row's result must not depend on the rows computed with it.
TYPED_TEST(KernelsTest, DotDoesNotDependOnItsNeighbours) {
  using T = TypeParam;
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    Random random(4);
    const DotCase<T> c(random, DType::kBF16, 11, 23, 99, 1, false);
    const auto y = c.run(arithmetic);
    for (size_t r = 0; r < c.n_x; ++r) {
      for (size_t column = 0; column < c.n_w; ++column) {
        T alone = 0;
        arithmetic.dot(c.x.data() + r * c.x_stride(), c.x_stride(), 1, c.w.rows().from(column), 1, c.n, &alone, 1);
        ASSERT_EQ(alone, y[r * c.y_stride() + column]);
      }
    }
  });
}

TYPED_TEST(KernelsTest, MixIsTheWeightedSumOfRows) {
  using T = TypeParam;
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    Random random(5);
    for (const DType dtype : storage_types<T>()) {
      for (const size_t n : possible(awkward_lengths(), dtype)) {
        const size_t n_keys = random.between(0, 20), n_r = random.between(1, 9), stride = n + 3;
        const StoredMatrix v(dtype, n_keys, n, random.numbers<double>(n_keys * n), random.below(64), 3);
        const auto p = random.numbers<T>(n_r * (n_keys + 1));
        const auto before = random.numbers<T>(n_r * stride);
        for (const bool accumulate : {false, true}) {
          const auto run = [&](const Arithmetic<T>& with) {
            auto out = before;
            with.mix(p.data(), n_keys + 1, n_r, v.rows(), n_keys, n, out.data(), stride, accumulate);
            return out;
          };
          const auto out = run(arithmetic);
          ASSERT_TRUE(same_bits(out, run(this->scalar()))) << dtype_name(dtype) << " n " << n;
          for (size_t r = 0; r < n_r; ++r) {
            for (size_t column = 0; column < stride; ++column) {
              const double start = static_cast<double>(before[r * stride + column]);
              double sum = accumulate || column >= n ? start : 0;
              double magnitude = std::abs(sum);
              for (size_t key = 0; key < n_keys && column < n; ++key) {
                const double term = static_cast<double>(p[r * (n_keys + 1) + key]) * v.at(key, column);
                sum += term;
                magnitude += std::abs(term);
              }
              const double tolerance = static_cast<double>(n_keys) * (this->kUnit + 0x1p-53) * magnitude;
              ASSERT_NEAR(static_cast<double>(out[r * stride + column]), sum, tolerance) << dtype_name(dtype);
            }
          }
        }
      }
    }
  });
}

TYPED_TEST(KernelsTest, ExponentialsAreASoftmaxRelativeToItsLargestScore) {
  using T = TypeParam;
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    Random random(6);
    for (size_t n = 1; n <= 256; n += n < 40 ? 1 : 27) {
      const size_t width = (n + 15) / 16 * 16;
      const T scale = static_cast<T>(0.1 + random.symmetric() / 20);
      auto scores = random.numbers<T>(width, 100);
      for (size_t k = n; k < width; ++k) scores[k] = -kInfinity;
      const auto run = [&](const Arithmetic<T>& with, T* max, T* sum) {
        auto p = scores;
        *sum = with.exponentials(p.data(), width, scale, max);
        return p;
      };
      T max = 0, sum = 0, scalar_max = 0, scalar_sum = 0;
      const auto p = run(arithmetic, &max, &sum);
      ASSERT_TRUE(same_bits(p, run(this->scalar(), &scalar_max, &scalar_sum)));
      ASSERT_EQ(max, scalar_max);
      ASSERT_EQ(sum, scalar_sum);
      T largest = -kInfinity;
      for (const T score : scores) largest = std::max(largest, score * scale);
      ASSERT_EQ(max, largest);
      double expected_sum = 0;
      for (size_t k = 0; k < width; ++k) {
        const double scaled = static_cast<double>(scores[k]) * static_cast<double>(scale);
        const double expected = std::exp(scaled - static_cast<double>(largest));
        const double slack = k < n ? 2 * (std::abs(scaled) + std::abs(static_cast<double>(largest))) + 4 : 0;
        ASSERT_NEAR(static_cast<double>(p[k]), expected, slack * this->kUnit * expected);
        expected_sum += static_cast<double>(p[k]);
      }
      ASSERT_NEAR(static_cast<double>(sum), expected_sum, 32 * this->kUnit * expected_sum);
    }
  });
}

TYPED_TEST(KernelsTest, ExponentialsKeepNaNAndForgetNothing) {
  using T = TypeParam;
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  constexpr T kNaN = std::numeric_limits<T>::quiet_NaN();
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    T max = 0;
    std::vector<T> masked(32, -kInfinity);
    EXPECT_EQ(arithmetic.exponentials(masked.data(), 32, T{1}, &max), T{0});
    EXPECT_EQ(max, -kInfinity);
    for (const T p : masked) EXPECT_EQ(p, T{0});

    for (const size_t n_nan : {1U, 5U, 16U, 32U}) {
      for (const T other : {T{1}, -kInfinity, kInfinity}) {
        std::vector<T> scores(32, other);
        std::fill_n(scores.begin() + 3, std::min<size_t>(n_nan, 29), kNaN);
        if (n_nan == 32) std::fill(scores.begin(), scores.end(), kNaN);
        EXPECT_TRUE(std::isnan(arithmetic.exponentials(scores.data(), 32, T{1}, &max))) << n_nan << " beside " << other;
      }
    }
    std::vector<T> infinite(16, kInfinity);
    EXPECT_TRUE(std::isnan(arithmetic.exponentials(infinite.data(), 16, T{1}, &max)));
  });
}

TYPED_TEST(KernelsTest, MergeJoinsTwoSoftmaxes) {
  using T = TypeParam;
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    Random random(7);
    for (const size_t n : awkward_lengths()) {
      const auto a = random.numbers<T>(n + 2), b = random.numbers<T>(n + 2);
      const T max_a = static_cast<T>(20 * random.symmetric()), max_b = static_cast<T>(20 * random.symmetric());
      T max = max_a, sum = T{3};
      auto out = a;
      arithmetic.merge(&max, &sum, out.data(), max_b, T{2}, b.data(), n);
      T scalar_max = max_a, scalar_sum = T{3};
      auto scalar_out = a;
      this->scalar().merge(&scalar_max, &scalar_sum, scalar_out.data(), max_b, T{2}, b.data(), n);
      ASSERT_TRUE(same_bits(out, scalar_out));
      ASSERT_EQ(sum, scalar_sum);
      ASSERT_EQ(max, std::max(max_a, max_b));
      const double weight_a = std::exp(static_cast<double>(max_a) - static_cast<double>(max));
      const double weight_b = std::exp(static_cast<double>(max_b) - static_cast<double>(max));
      const double unit = 50 * this->kUnit;  // the difference of two maxima near 20 is rounded before exp
      ASSERT_NEAR(static_cast<double>(sum), 3 * weight_a + 2 * weight_b, 5 * unit);
      for (size_t k = 0; k < n; ++k) {
        const double from_a = static_cast<double>(a[k]) * weight_a, from_b = static_cast<double>(b[k]) * weight_b;
        ASSERT_NEAR(static_cast<double>(out[k]), from_a + from_b, unit * (std::abs(from_a) + std::abs(from_b)));
      }
      for (size_t k = n; k < n + 2; ++k) ASSERT_EQ(out[k], a[k]);
    }
  });
}

TYPED_TEST(KernelsTest, MergeWithNothingChangesNothing) {
  using T = TypeParam;
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  this->for_each_target([&](const Arithmetic<T>& arithmetic) {
    Random random(8);
    const auto some = random.numbers<T>(24), zeros = std::vector<T>(24);
    T max = 2, sum = 5;
    auto out = some;
    arithmetic.merge(&max, &sum, out.data(), -kInfinity, T{0}, zeros.data(), 24);
    EXPECT_TRUE(max == T{2} && sum == T{5} && same_bits(out, some));
    max = -kInfinity, sum = 0, out = zeros;
    arithmetic.merge(&max, &sum, out.data(), T{2}, T{5}, some.data(), 24);
    EXPECT_TRUE(max == T{2} && sum == T{5} && same_bits(out, some));
    max = 2, sum = 5;
    arithmetic.merge(&max, &sum, out.data(), -kInfinity, std::numeric_limits<T>::quiet_NaN(), some.data(), 24);
    EXPECT_TRUE(std::isnan(sum)) << "a piece whose scores are all NaN must not vanish";
  });
}

TEST(KernelsForTest, RefusesATargetOfAnotherProcessor) {
  const auto targets = supported_simd_targets();
  ASSERT_EQ(targets.front(), SimdTarget::kScalar);
  for (const SimdTarget target : {SimdTarget::kScalar, SimdTarget::kAvx2, SimdTarget::kAvx512, SimdTarget::kNeon}) {
    if (std::find(targets.begin(), targets.end(), target) != targets.end()) {
      EXPECT_EQ(kernels_for(target).target, target);
      continue;
    }
    try {
      kernels_for(target);
      FAIL() << simd_target_name(target);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kUsage);
      EXPECT_NE(std::string(error.what()).find("scalar"), std::string::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace proxima
