// SPDX-License-Identifier: MIT
#include "apps/eval/proportion.h"

#include <cmath>

namespace proxima {
namespace {

constexpr double kZ = 1.959963984540054;  // the normal distribution's 97.5 %

}  // namespace

Interval share_interval(size_t n_hits, size_t n) {
  const auto trials = static_cast<double>(n);
  const double share = static_cast<double>(n_hits) / trials;
  const double scale = 1 + kZ * kZ / trials;
  const double centre = (share + kZ * kZ / (2 * trials)) / scale;
  const double half = kZ / scale * std::sqrt(share * (1 - share) / trials + kZ * kZ / (4 * trials * trials));
  return {n_hits == 0 ? 0 : centre - half, n_hits == n ? 1 : centre + half};
}

Interval paired_difference_interval(size_t n_gained, size_t n_lost, size_t n) {
  const double trials = static_cast<double>(n) + 2;
  const double gained = static_cast<double>(n_gained) + 0.5;
  const double lost = static_cast<double>(n_lost) + 0.5;
  const double difference = (gained - lost) / trials;
  const double half = kZ * std::sqrt((gained + lost) / trials - difference * difference) / std::sqrt(trials);
  return {difference - half, difference + half};
}

}  // namespace proxima
