// SPDX-License-Identifier: MIT
// H2O, the heavy hitter oracle (arXiv 2306.14048): the recent tokens are kept and, of the others, those that have had
// the most attention from all queries so far; while tokens are generated the least of them is evicted for each new one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace proxima {

// The positions to keep of [oldest, sums.size()), ascending: the n_recent last ones and the n_heavy others with the
// largest sums of probabilities. The more recent of equals is kept.
std::vector<uint32_t> h2o_keep(std::span<const double> sums, size_t oldest, size_t n_heavy, size_t n_recent);

// Which of the kept tokens goes: the one with the smallest sum but for the last n_recent, the oldest of equals.
size_t h2o_evict(std::span<const double> sums, size_t n_recent);

}  // namespace proxima
