// SPDX-License-Identifier: MIT
// The merges of a BPE model: a pair of neighbouring ids to its rank and the id it becomes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/config.h"

namespace proxima {

struct Merge {
  uint32_t rank = kNone;  // lower merges first
  TokenId id = 0;

  static constexpr uint32_t kNone = 0xFFFFFFFF;
  explicit operator bool() const { return rank != kNone; }
};

class MergeTable {
 public:
  // Room for n_merges pairs, which is all that may be added.
  void reserve(size_t n_merges) {
    size_t n_slots = 16;
    while (n_slots < 2 * n_merges) n_slots *= 2;
    slots_.assign(n_slots, Slot{});
    n_ranks_ = n_merges;
  }
  size_t n_ranks() const { return n_ranks_; }  // one more than the largest rank

  // A pair that comes again takes the later rank, as in the reference implementation.
  void set(TokenId left, TokenId right, Merge merge) { slots_[slot_of(left, right)] = {left, right, merge}; }

  Merge find(TokenId left, TokenId right) const {
    return slots_.empty() ? Merge{} : slots_[slot_of(left, right)].merge;
  }

 private:
  struct Slot {
    TokenId left = 0;
    TokenId right = 0;
    Merge merge;
  };

  size_t slot_of(TokenId left, TokenId right) const {
    const uint64_t key = (uint64_t{left} << 32) | right;
    const size_t mask = slots_.size() - 1;
    size_t slot = ((key * 0x9E3779B97F4A7C15ULL) >> 32) & mask;
    while (slots_[slot].merge && (slots_[slot].left != left || slots_[slot].right != right)) slot = (slot + 1) & mask;
    return slot;
  }

  size_t n_ranks_ = 0;
  std::vector<Slot> slots_;  // open addressing, a power of two, at most half full
};

}  // namespace proxima
