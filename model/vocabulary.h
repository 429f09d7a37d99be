// SPDX-License-Identifier: MIT
// The strings of a model's vocabulary: id to text and text to id. Owns one copy of all texts in one block.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/config.h"

namespace proxima {

class Vocabulary {
 public:
  // Throws Error(kInput) where the text or the id is there already, or the id is not below max_tokens.
  void add(std::string_view text, TokenId id, size_t max_tokens);
  // Throws Error(kInput) naming the first id without a text.
  void refuse_holes() const;

  std::optional<TokenId> find(std::string_view text) const;
  // In two steps, for many searches at once: prefetch() asks memory for the place, find() some time later looks there.
  using Key = uint32_t;
  Key prefetch(std::string_view text) const;
  std::optional<TokenId> find(std::string_view text, Key key) const;
  // The text of an id below size().
  std::string_view text(TokenId id) const { return {texts_.data() + spans_[id].begin, spans_[id].n_bytes}; }
  size_t size() const { return spans_.size(); }  // one more than the largest id

 private:
  struct Span {
    uint32_t begin = 0;
    uint32_t n_bytes = kAbsent;
  };
  struct Slot {
    Key hash = 0;
    TokenId id = kAbsent;
  };
  static constexpr uint32_t kAbsent = 0xFFFFFFFF;

  size_t slot_of(std::string_view text, Key hash) const;
  void grow();

  std::string texts_;
  std::vector<Span> spans_;  // [id]
  std::vector<Slot> slots_;  // open addressing, a power of two, at most half full
  size_t n_used_ = 0;
};

}  // namespace proxima
