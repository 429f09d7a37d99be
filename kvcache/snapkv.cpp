// SPDX-License-Identifier: MIT
#include "kvcache/snapkv.h"

#include <algorithm>
#include <numeric>

namespace proxima {
namespace {

// Pooling with stride 1 over what there is around each position; the mean counts what there is not as zero.
std::vector<double> pooled(std::span<const double> sums, const SnapKvSettings& settings) {
  const size_t reach = settings.kernel / 2;
  std::vector<double> result(sums.size());
  for (size_t j = 0; j < sums.size(); ++j) {
    const auto begin = sums.begin() + static_cast<ptrdiff_t>(j - std::min(j, reach));
    const auto end = sums.begin() + static_cast<ptrdiff_t>(std::min(sums.size(), j + reach + 1));
    result[j] = settings.pooling == Pooling::kMax
                    ? *std::max_element(begin, end)
                    : std::accumulate(begin, end, 0.0) / static_cast<double>(settings.kernel);
  }
  return result;
}

}  // namespace

std::vector<uint32_t> highest(std::span<const double> scores, size_t oldest, size_t end, size_t n) {
  std::vector<uint32_t> positions(end - oldest);
  std::iota(positions.begin(), positions.end(), static_cast<uint32_t>(oldest));
  if (n < positions.size()) {
    const auto better = [&](uint32_t a, uint32_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a > b; };
    std::ranges::nth_element(positions, positions.begin() + static_cast<ptrdiff_t>(n), better);
    positions.resize(n);
    std::ranges::sort(positions);
  }
  return positions;
}

std::vector<uint32_t> snapkv_keep(std::span<const double> sums, size_t oldest, size_t n_prefix,
                                  const SnapKvSettings& settings) {
  const size_t window_begin = std::max(oldest, sums.size() - std::min(sums.size(), settings.window));
  std::vector<uint32_t> kept =
      highest(pooled(sums.first(window_begin), settings), std::min(oldest, window_begin), window_begin, n_prefix);
  for (size_t j = window_begin; j < sums.size(); ++j) kept.push_back(static_cast<uint32_t>(j));
  return kept;
}

}  // namespace proxima
