// SPDX-License-Identifier: MIT
#include "apps/train/sample_source.h"

#include <algorithm>
#include <array>

namespace proxima {

std::vector<size_t> spread_positions(RandomStream& random, size_t length, size_t span) {
  constexpr size_t kGaps = 3;
  const size_t room = random.below(span - length + 1);
  std::array<size_t, kGaps> first_behind{},
      skipped{};  // of each gap, in order: the token behind it, positions left out
  for (size_t gap = 0; gap < kGaps; ++gap) {
    first_behind[gap] = random.below(length);
    skipped[gap] = random.below(room + 1);
  }
  std::ranges::sort(first_behind);
  std::ranges::sort(skipped);
  std::vector<size_t> positions(length);
  size_t n_passed = 0;
  for (size_t i = 0; i < length; ++i) {
    while (n_passed < kGaps && first_behind[n_passed] <= i) ++n_passed;
    positions[i] = i + (n_passed == 0 ? 0 : skipped[n_passed - 1]);
  }
  return positions;
}

}  // namespace proxima
