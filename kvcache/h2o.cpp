// SPDX-License-Identifier: MIT
#include "kvcache/h2o.h"

#include <algorithm>

#include "kvcache/snapkv.h"

namespace proxima {

std::vector<uint32_t> h2o_keep(std::span<const double> sums, size_t oldest, size_t n_heavy, size_t n_recent) {
  const size_t recent_begin = std::max(oldest, sums.size() - std::min(sums.size(), n_recent));
  std::vector<uint32_t> kept = highest(sums, oldest, recent_begin, n_heavy);
  for (size_t j = recent_begin; j < sums.size(); ++j) kept.push_back(static_cast<uint32_t>(j));
  return kept;
}

size_t h2o_evict(std::span<const double> sums, size_t n_recent) {
  const auto candidates = sums.first(sums.size() - n_recent);
  return static_cast<size_t>(std::ranges::min_element(candidates) - candidates.begin());
}

}  // namespace proxima
