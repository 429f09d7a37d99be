// SPDX-License-Identifier: MIT
#include "apps/eval/distribution.h"

#include <algorithm>
#include <cmath>

namespace proxima {

double log_partition(std::span<const double> logits) {
  const double largest = *std::ranges::max_element(logits);
  if (!std::isfinite(largest)) return largest;
  double sum = 0;
  for (const double logit : logits) sum += std::exp(logit - largest);
  return largest + std::log(sum);
}

double negative_log_likelihood(std::span<const double> logits, size_t token) {
  return log_partition(logits) - logits[token];
}

double kl_divergence(std::span<const double> base, std::span<const double> got) {
  const double base_partition = log_partition(base);
  const double got_partition = log_partition(got);
  double sum = 0;
  for (size_t i = 0; i < base.size(); ++i) {
    const double log_base = base[i] - base_partition;
    const double probability = std::exp(log_base);
    if (probability == 0) continue;
    sum += probability * (log_base - (got[i] - got_partition));
  }
  return std::max(sum, 0.0);
}

size_t top_token(std::span<const double> logits) {
  return static_cast<size_t>(std::ranges::max_element(logits) - logits.begin());
}

void MeanError::add(double value) {
  add_sums(1, value, value * value);
}

void MeanError::add(const MeanError& other) {
  add_sums(other.n_, other.sum_, other.squares_);
}

void MeanError::add_sums(size_t n, double sum, double sum_of_squares) {
  n_ += n;
  sum_ += sum;
  squares_ += sum_of_squares;
}

double MeanError::mean() const {
  return n_ == 0 ? std::nan("") : sum_ / static_cast<double>(n_);
}

double MeanError::error() const {
  if (n_ < 2) return 0;
  const double n = static_cast<double>(n_);
  const double variance = std::max(0.0, squares_ - sum_ * sum_ / n) / (n - 1);
  return std::sqrt(variance / n);
}

double quantile(std::vector<double> values, double share) {
  std::ranges::sort(values);
  const double place = share * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(place);
  if (below + 1 >= values.size()) return values.back();
  const double part = place - static_cast<double>(below);
  return values[below] + part * (values[below + 1] - values[below]);
}

}  // namespace proxima
