// SPDX-License-Identifier: MIT
#include "apps/eval/distribution.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "test/random.h"

namespace proxima {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Distribution, HandComputedCases) {
  const std::vector<double> even = {0, 0, 0, 0};
  const std::vector<double> odd = {std::log(1.0), std::log(2.0), std::log(1.0)};
  EXPECT_DOUBLE_EQ(log_partition(even), std::log(4.0));
  EXPECT_DOUBLE_EQ(negative_log_likelihood(odd, 1), std::log(2.0));
  // p = (1/2, 1/2), q = (1/4, 3/4): KL = log(2)/2 + log(2/3)/2
  const std::vector<double> p = {3, 3};
  const std::vector<double> q = {std::log(1.0) - 7, std::log(3.0) - 7};
  EXPECT_NEAR(kl_divergence(p, q), 0.5 * std::log(2.0) + 0.5 * std::log(2.0 / 3), 1e-15);
  EXPECT_NEAR(kl_divergence(q, p), 0.25 * std::log(0.5) + 0.75 * std::log(1.5), 1e-15);
  EXPECT_EQ(kl_divergence(q, q), 0);
  EXPECT_EQ(top_token(odd), 1U);
  EXPECT_EQ(top_token(even), 0U);
}

TEST(Distribution, HugeLogitsAndImpossibleTokens) {
  const std::vector<double> huge = {1e30, 1e30 - 1e20, -kInfinity};
  EXPECT_EQ(log_partition(huge), 1e30);
  EXPECT_EQ(kl_divergence(huge, huge), 0);  // not NaN from -inf - -inf
  const std::vector<double> one = {0, -kInfinity};
  const std::vector<double> two = {0, 0};
  EXPECT_DOUBLE_EQ(kl_divergence(one, two), std::log(2.0));
  EXPECT_EQ(kl_divergence(two, one), kInfinity);
}

TEST(Distribution, NeverNegative) {
  test::Random random(3);
  for (int round = 0; round < 2000; ++round) {
    std::vector<double> base(random.between(1, 40));
    for (double& logit : base) logit = 30 * random.symmetric();
    std::vector<double> got = base;
    for (double& logit : got) logit += 1e-9 * random.symmetric() + 5;
    EXPECT_GE(kl_divergence(base, got), 0);
    EXPECT_LT(kl_divergence(base, got), 1e-8);
  }
}

TEST(Distribution, MeanErrorAndQuantile) {
  MeanError values;
  EXPECT_TRUE(std::isnan(values.mean()));
  for (const double value : {1.0, 2.0, 3.0, 6.0}) values.add(value);
  EXPECT_DOUBLE_EQ(values.mean(), 3);
  EXPECT_DOUBLE_EQ(values.error(), std::sqrt(14.0 / 3 / 4));
  MeanError half;
  half.add_sums(values.n(), values.sum(), values.sum_of_squares());
  half.add(values);
  EXPECT_EQ(half.n(), 8U);
  EXPECT_DOUBLE_EQ(half.error(), std::sqrt(28.0 / 7 / 8));
  EXPECT_DOUBLE_EQ(quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(quantile({4, 1, 3, 2, 5}, 0.5), 3);
  EXPECT_DOUBLE_EQ(quantile({0, 10}, 0.99), 9.9);
  EXPECT_DOUBLE_EQ(quantile({7}, 0.99), 7);
}

}  // namespace
}  // namespace proxima
