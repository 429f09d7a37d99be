// SPDX-License-Identifier: MIT
#include "apps/reading_estimate.h"

#include <cmath>

namespace proxima {
namespace {

constexpr size_t kEnoughSamples = 6;

}  // namespace

void ReadingEstimate::add(size_t done, double seconds) {
  samples_.emplace_back(static_cast<double>(done), seconds);
}

// Least squares through the origin; where that is ill-conditioned or absurd, the counted share scaled to the last
// sample.
ReadingEstimate::Cost ReadingEstimate::fit() const {
  const auto [last_n, last_seconds] = samples_.back();
  const double linear = last_seconds / (last_n + attention_share_ * last_n * last_n);
  const Cost counted{linear, linear * attention_share_};
  if (samples_.size() < kEnoughSamples) return counted;
  double n2 = 0;
  double n3 = 0;
  double n4 = 0;
  double nt = 0;
  double n2t = 0;
  for (const auto& [tokens, seconds] : samples_) {
    const double n = tokens / last_n;  // in (0, 1], for the sake of conditioning
    n2 += n * n;
    n3 += n * n * n;
    n4 += n * n * n * n;
    nt += n * seconds;
    n2t += n * n * seconds;
  }
  const double determinant = n2 * n4 - n3 * n3;
  if (determinant < 1e-6 * n2 * n4) return counted;
  const Cost fitted{(nt * n4 - n2t * n3) / determinant / last_n,
                    (n2 * n2t - n3 * nt) / determinant / (last_n * last_n)};
  return fitted.linear > 0 && fitted.quadratic >= 0 ? fitted : counted;
}

double ReadingEstimate::seconds_left(size_t total) const {
  if (samples_.empty()) return 0;
  const Cost cost = fit();
  const double end = static_cast<double>(total);
  const double now = samples_.back().first;
  return (end - now) * (cost.linear + cost.quadratic * (end + now));
}

double attention_share(const ModelConfig& config) {
  const double q_width = static_cast<double>(config.n_heads * config.head_dim);
  const double kv_width = static_cast<double>(config.n_kv_heads * config.head_dim);
  const double hidden = static_cast<double>(config.hidden);
  const double weights = hidden * (2 * q_width + 2 * kv_width + 3 * static_cast<double>(config.intermediate));
  // Scores and values: 2 q_width multiplications for each earlier token, n^2 / 2 pairs of tokens.
  return q_width / weights;
}

}  // namespace proxima
