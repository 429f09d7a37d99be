// SPDX-License-Identifier: MIT
// Next-token distributions given by logits, and statistics over positions. Everything in double.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace proxima {

// log sum exp.
double log_partition(std::span<const double> logits);

// -log p(token), natural logarithm.
double negative_log_likelihood(std::span<const double> logits, size_t token);

// KL(base || got) in nats, from logits. Never negative: rounding below 0 is 0. Logits of -inf (probability 0) are
// allowed: 0 log 0 = 0; a token that only `base` allows makes it infinite.
double kl_divergence(std::span<const double> base, std::span<const double> got);

// The smallest index of the largest logit.
size_t top_token(std::span<const double> logits);

// Sums over positions, in double.
class MeanError {
 public:
  void add(double value);
  void add(const MeanError& other);
  // As a resumed run knows them again.
  void add_sums(size_t n, double sum, double sum_of_squares);

  size_t n() const { return n_; }
  double sum() const { return sum_; }
  double sum_of_squares() const { return squares_; }
  double mean() const;   // NaN of nothing
  double error() const;  // standard error of the mean; 0 for fewer than two values

 private:
  size_t n_ = 0;
  double sum_ = 0;
  double squares_ = 0;
};

// The value below which a share of the values lies, linear between neighbours; `values` must not be empty.
double quantile(std::vector<double> values, double share);

}  // namespace proxima
