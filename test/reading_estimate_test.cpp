// SPDX-License-Identifier: MIT
#include "apps/reading_estimate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "test/random.h"

namespace proxima {
namespace {

constexpr double kLinear = 2e-3;
constexpr double kQuadratic = 3e-7;

double cost(double n) {
  return kLinear * n + kQuadratic * n * n;
}

TEST(ReadingEstimate, KnowsThatAttentionGrowsQuadratically) {
  ReadingEstimate estimate(0);  // even where the counted share is wrong, measuring mends it
  for (size_t n = 512; n <= 8192; n += 512) estimate.add(n, cost(static_cast<double>(n)));
  const double left = cost(32768) - cost(8192);
  EXPECT_NEAR(estimate.seconds_left(32768), left, 1e-3 * left);
  EXPECT_NEAR(estimate.seconds_left(8192), 0, 1e-9);
}

TEST(ReadingEstimate, CountsBeforeItHasMeasured) {
  ReadingEstimate estimate(kQuadratic / kLinear);
  EXPECT_EQ(estimate.seconds_left(1000), 0);
  estimate.add(512, cost(512));
  EXPECT_NEAR(estimate.seconds_left(32768), cost(32768) - cost(512), 1e-6);
}

TEST(ReadingEstimate, StaysSaneWithNoise) {
  test::Random random(3);
  ReadingEstimate estimate(kQuadratic / kLinear);
  for (size_t n = 512; n <= 16384; n += 512) {
    const double noise = 1 + 0.05 * (static_cast<double>(random.below(2001)) / 1000 - 1);
    estimate.add(n, cost(static_cast<double>(n)) * noise);
  }
  const double left = cost(32768) - cost(16384);
  EXPECT_NEAR(estimate.seconds_left(32768), left, 0.2 * left);
}

TEST(ReadingEstimate, CountsMultiplications) {
  ModelConfig config;
  config.hidden = 8;
  config.n_heads = 2;
  config.n_kv_heads = 1;
  config.head_dim = 4;
  config.intermediate = 16;
  // A layer's matrices: q and o 64 each, k and v 32 each, three of 128; attention: 8 n^2.
  EXPECT_DOUBLE_EQ(attention_share(config), 8.0 / 576);
}

}  // namespace
}  // namespace proxima
