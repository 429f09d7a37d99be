// SPDX-License-Identifier: MIT
// Lengths of longest common subsequences of all pairs of prefixes, the table that the scores trace back in their
// different ways.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace proxima {

class CommonLengths {
 public:
  // Memory and time |a| |b|.
  template <class Sequence>
  CommonLengths(const Sequence& a, const Sequence& b) : width_(b.size() + 1), table_((a.size() + 1) * width_) {
    for (size_t i = 1; i <= a.size(); ++i) {
      for (size_t j = 1; j <= b.size(); ++j) {
        table_[i * width_ + j] = a[i - 1] == b[j - 1] ? at(i - 1, j - 1) + 1 : std::max(at(i - 1, j), at(i, j - 1));
      }
    }
  }

  // Of the first i elements of a and the first j of b.
  uint32_t at(size_t i, size_t j) const { return table_[i * width_ + j]; }
  size_t length() const { return table_.back(); }

 private:
  size_t width_;
  std::vector<uint32_t> table_;
};

}  // namespace proxima
