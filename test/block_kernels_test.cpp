// SPDX-License-Identifier: MIT
// The transposed kernels of blocked attention on every SIMD target against plain loops in double.
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

constexpr size_t kHeadSizes[] = {8, 10, 14, 24, 64, 80, 128};
constexpr size_t kRows[] = {16, 32, 48, 96};
constexpr size_t kKeys[] = {1, 2, 3, 5, 7, 12, 31, 128};
constexpr double kUnit = std::numeric_limits<float>::epsilon() / 2;

template <class F>
void for_each_shape(F f) {
  for (const SimdTarget target : supported_simd_targets()) {
    SCOPED_TRACE(simd_target_name(target));
    Random random(1);
    for (const size_t head_dim : kHeadSizes) {
      for (const size_t n_rows : kRows) {
        for (const size_t n_keys : kKeys) f(kernels_for(target).block, random, head_dim, n_rows, n_keys);
      }
    }
  }
}
const BlockKernels& scalar() {
  return kernels_for(SimdTarget::kScalar).block;
}

TEST(BlockKernelsTest, Scores) {
  for_each_shape([](const BlockKernels& block, Random& random, size_t head_dim, size_t n_rows, size_t n_keys) {
    const auto q = random.numbers<float>(head_dim * n_rows), keys = random.numbers<float>(n_keys * head_dim);
    std::vector<float> scores(n_keys * n_rows + 1, 77), of_scalar = scores;
    block.scores(q.data(), n_rows, keys.data(), n_keys, head_dim, scores.data());
    scalar().scores(q.data(), n_rows, keys.data(), n_keys, head_dim, of_scalar.data());
    ASSERT_TRUE(same_bits(scores, of_scalar));
    for (size_t k = 0; k < n_keys * n_rows; ++k) {
      double sum = 0, magnitude = 0;
      for (size_t c = 0; c < head_dim; ++c) {
        const double term =
            static_cast<double>(keys[k / n_rows * head_dim + c]) * static_cast<double>(q[c * n_rows + k % n_rows]);
        sum += term;
        magnitude += std::abs(term);
      }
      ASSERT_NEAR(static_cast<double>(scores[k]), sum, static_cast<double>(head_dim) * kUnit * magnitude);
    }
    ASSERT_EQ(scores.back(), 77);
  });
}

TEST(BlockKernelsTest, Mix) {
  for_each_shape([](const BlockKernels& block, Random& random, size_t head_dim, size_t n_rows, size_t n_keys) {
    const auto p = random.numbers<float>(n_keys * n_rows), values = random.numbers<float>(n_keys * head_dim);
    const auto rescale = random.numbers<float>(n_rows), before = random.numbers<float>(head_dim * n_rows + 1);
    auto out = before, of_scalar = before;
    block.mix(p.data(), n_rows, values.data(), n_keys, head_dim, rescale.data(), out.data());
    scalar().mix(p.data(), n_rows, values.data(), n_keys, head_dim, rescale.data(), of_scalar.data());
    ASSERT_TRUE(same_bits(out, of_scalar));
    for (size_t k = 0; k < head_dim * n_rows; ++k) {
      double sum = static_cast<double>(before[k]) * static_cast<double>(rescale[k % n_rows]);
      double magnitude = std::abs(sum);
      for (size_t key = 0; key < n_keys; ++key) {
        const double term = static_cast<double>(p[key * n_rows + k % n_rows]) *
                            static_cast<double>(values[key * head_dim + k / n_rows]);
        sum += term;
        magnitude += std::abs(term);
      }
      ASSERT_NEAR(static_cast<double>(out[k]), sum, static_cast<double>(n_keys + 2) * kUnit * magnitude);
    }
    ASSERT_EQ(out.back(), before.back());
  });
}

// Two blocks in turn must be one softmax over both; a row may be masked in either or in both.
TEST(BlockKernelsTest, OnlineSoftmax) {
  constexpr float kMasked = -std::numeric_limits<float>::infinity();
  for (const SimdTarget target : supported_simd_targets()) {
    SCOPED_TRACE(simd_target_name(target));
    Random random(2);
    for (const size_t n_rows : kRows) {
      std::vector<float> max(n_rows, std::numeric_limits<float>::lowest()), sum(n_rows, 0), rescale(n_rows, 77);
      std::vector<double> mass(n_rows), largest(n_rows, static_cast<double>(std::numeric_limits<float>::lowest()));
      for (const size_t n_keys : {5U, 128U, 1U}) {
        auto scores = random.numbers<float>(n_keys * n_rows, 20);
        for (size_t key = 0; key < n_keys; ++key) {
          for (size_t row = 0; row < n_rows; ++row) {
            if (row % 5 == 0 || (row % 5 == 1 && n_keys == 5) || (row % 5 == 2 && key % 2 == 0)) {
              scores[key * n_rows + row] = kMasked;
            }
          }
        }
        auto p = scores;
        kernels_for(target).block.softmax(p.data(), n_rows, n_keys, max.data(), sum.data(), rescale.data());
        for (size_t row = 0; row < n_rows; ++row) {
          double new_largest = largest[row];
          for (size_t key = 0; key < n_keys; ++key) {
            new_largest = std::max(new_largest, static_cast<double>(scores[key * n_rows + row]));
          }
          ASSERT_EQ(static_cast<double>(max[row]), new_largest);
          const double factor = std::exp(largest[row] - new_largest);
          ASSERT_NEAR(static_cast<double>(rescale[row]), factor, 50 * kUnit * factor);
          mass[row] *= factor;
          for (size_t key = 0; key < n_keys; ++key) {
            const double expected = std::exp(static_cast<double>(scores[key * n_rows + row]) - new_largest);
            ASSERT_NEAR(static_cast<double>(p[key * n_rows + row]), expected, 50 * kUnit * expected);
            mass[row] += expected;
          }
          ASSERT_NEAR(static_cast<double>(sum[row]), mass[row], 250 * kUnit * mass[row]);
          largest[row] = new_largest;
        }
      }
      for (size_t row = 0; row < n_rows; row += 5) ASSERT_EQ(sum[row], 0) << "a row that sees nothing";
    }
  }
}

TEST(BlockKernelsTest, SoftmaxKeepsNaN) {
  for (const SimdTarget target : supported_simd_targets()) {
    for (const float other : {1.0F, -std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
      std::vector<float> scores(3 * 16, other), max(16, std::numeric_limits<float>::lowest()), sum(16), rescale(16);
      scores[16 + 4] = std::numeric_limits<float>::quiet_NaN();
      kernels_for(target).block.softmax(scores.data(), 16, 3, max.data(), sum.data(), rescale.data());
      EXPECT_TRUE(std::isnan(sum[4])) << simd_target_name(target) << " beside " << other;
    }
  }
}

}  // namespace
}  // namespace proxima
