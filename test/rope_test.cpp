// SPDX-License-Identifier: MIT
#include "core/rope.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "test/random.h"

namespace proxima {
namespace {

double error_in_ulps(double got, long double expected) {
  const double rounded = std::abs(static_cast<double>(expected));
  const double ulp = std::nextafter(rounded, std::numeric_limits<double>::infinity()) - rounded;
  return static_cast<double>(std::abs(got - expected) / static_cast<long double>(ulp));
}

TEST(SineCosineTest, AgreesWithLongDoubleUpToAMillionRadians) {
  test::Random random(1);
  std::vector<double> angles = {0, 1e-300, 1e-9, 0.5, 1};
  for (int k = 0; k < 100000; ++k) angles.push_back(std::abs(random.symmetric()) * std::exp2(20.0 * k / 100000));
  for (size_t k = 0; k < 20000; ++k) angles.push_back(static_cast<double>(random.below(1000000)));
  // The zeros of sine and cosine and the borders of the reduction, as close as a double comes.
  constexpr long double kQuarterPi = 0.785398163397448309615660845819875721L;
  for (long double k = 1; k < 1200000; k += 97) angles.push_back(static_cast<double>(k * kQuarterPi));
  double largest = 0;
  for (const double angle : angles) {
    double sine = 2, cosine = 2;
    sine_cosine(angle, &sine, &cosine);
    const long double exact = angle;
    const double error = std::max(error_in_ulps(sine, std::sin(exact)), error_in_ulps(cosine, std::cos(exact)));
    largest = std::max(largest, error);
    ASSERT_LT(error, 2.5) << angle;
  }
  RecordProperty("largest_error_ulp", std::to_string(largest));
  std::printf("sine and cosine: largest error %.3f ulp over %zu angles\n", largest, angles.size());
}

TEST(RopeTest, DefaultAndLinearFrequencies) {
  for (const size_t head_dim : {8U, 10U, 24U, 64U, 128U}) {
    const RopeParameters plain{.n_dims = head_dim, .theta = 500000};
    RopeParameters linear = plain;
    linear.kind = RopeKind::kLinear;
    linear.factor = 2.5;
    const auto frequencies = rope_inverse_frequencies(plain, 7);
    const auto stretched = rope_inverse_frequencies(linear, 7);
    ASSERT_EQ(frequencies.size(), head_dim / 2);
    for (size_t i = 0; i < frequencies.size(); ++i) {
      const double expected = std::pow(500000.0, -2.0 * static_cast<double>(i) / static_cast<double>(head_dim));
      EXPECT_NEAR(frequencies[i], expected, 4e-16 * 20 * expected);
      EXPECT_NEAR(stretched[i], expected / 2.5, 4e-16 * 20 * expected);
    }
    EXPECT_EQ(rope_length_limit(plain, 7), SIZE_MAX);
    EXPECT_EQ(rope_length_limit(linear, 7), SIZE_MAX);
  }
}

TEST(RopeTest, DynamicBaseFollowsThePrompt) {
  const RopeParameters rope{.kind = RopeKind::kDynamic, .n_dims = 16, .theta = 10000, .factor = 2, .max_position = 32};
  const auto at_length = [&](double length) {
    const double theta = length <= 32 ? 10000 : 10000 * std::pow(2 * length / 32 - 1, 16.0 / 14.0);
    return std::pow(theta, -6.0 / 16.0);
  };
  for (const size_t length : {1U, 31U, 32U, 33U, 55U, 1000U}) {
    const double expected = at_length(static_cast<double>(length));
    EXPECT_NEAR(rope_inverse_frequencies(rope, length)[3], expected, 1e-14 * expected) << length;
  }
  EXPECT_EQ(rope_length_limit(rope, 5), 32U);
  EXPECT_EQ(rope_length_limit(rope, 32), 32U);
  EXPECT_EQ(rope_length_limit(rope, 55), 55U);
}

TEST(RopeTest, Llama3StretchesLongWavesOnly) {
  const RopeParameters rope{.kind = RopeKind::kLlama3,
                            .n_dims = 128,
                            .theta = 500000,
                            .factor = 8,
                            .low_freq_factor = 1,
                            .high_freq_factor = 4,
                            .original_max_position = 8192};
  const auto frequencies = rope_inverse_frequencies(rope, 100);
  size_t n_kept = 0, n_blended = 0, n_stretched = 0;
  for (size_t i = 0; i < 64; ++i) {
    const double plain = std::pow(500000.0, -static_cast<double>(i) / 64);
    const double turns = 8192 * plain / (2 * 3.14159265358979323846);  // of this frequency within the original context
    double expected = 0;
    if (turns > 4) {
      expected = plain;
      ++n_kept;
    } else if (turns < 1) {
      expected = plain / 8;
      ++n_stretched;
    } else {
      const double weight = (turns - 1) / 3;
      expected = weight * plain + (1 - weight) * plain / 8;
      ++n_blended;
    }
    EXPECT_NEAR(frequencies[i], expected, 2e-14 * expected) << i;
  }
  EXPECT_GT(n_kept, 10U);
  EXPECT_GT(n_blended, 2U);
  EXPECT_GT(n_stretched, 10U);
}

TEST(RopeTest, AnglesAreRoundedOnce) {
  const RopeParameters rope{.n_dims = 10, .theta = 10000};
  const auto frequencies = rope_inverse_frequencies(rope, 1);
  std::vector<double> cosines(3 * 5), sines(3 * 5);
  std::vector<float> cosines32(3 * 5), sines32(3 * 5);
  for (const size_t first : {0U, 4095U, 131070U}) {
    rope_angles(frequencies, 1, first, 3, cosines.data(), sines.data());
    rope_angles(frequencies, 1, first, 3, cosines32.data(), sines32.data());
    for (size_t t = 0; t < 3; ++t) {
      for (size_t i = 0; i < 5; ++i) {
        const double angle = static_cast<double>(first + t) * frequencies[i];
        EXPECT_NEAR(cosines[t * 5 + i], std::cos(angle), 4e-16);
        EXPECT_NEAR(sines[t * 5 + i], std::sin(angle), 4e-16);
        EXPECT_EQ(cosines32[t * 5 + i], static_cast<float>(cosines[t * 5 + i]));
        EXPECT_EQ(sines32[t * 5 + i], static_cast<float>(sines[t * 5 + i]));
      }
    }
  }
}

}  // namespace
}  // namespace proxima
