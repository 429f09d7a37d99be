// SPDX-License-Identifier: MIT
// SnapKV (arXiv 2404.14469): what the last queries of the prompt, the observation window, attend to is kept, beside the
// window itself; neighbours of what they attend to are kept with it by pooling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace proxima {

enum class Pooling { kMax, kMean };

struct SnapKvSettings {
  size_t window = 32;  // queries that are observed, and tokens kept for that
  size_t kernel = 7;   // positions that are pooled, odd
  Pooling pooling = Pooling::kMax;

  bool operator==(const SnapKvSettings&) const = default;
};

// The positions to keep of [oldest, sums.size()), ascending: the window and, of the tokens before it, the n_prefix that
// the window's queries gave most (sums: of their probabilities). The more recent of equals is kept.
std::vector<uint32_t> snapkv_keep(std::span<const double> sums, size_t oldest, size_t n_prefix,
                                  const SnapKvSettings& settings);

// The n best of [oldest, end), ascending; the more recent of equals.
std::vector<uint32_t> highest(std::span<const double> scores, size_t oldest, size_t end, size_t n);

}  // namespace proxima
