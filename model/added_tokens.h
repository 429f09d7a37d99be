// SPDX-License-Identifier: MIT
// Added tokens: strings that are cut out of the text before anything else happens to it.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/config.h"
#include "model/normalizer.h"

namespace proxima {

struct AddedToken {
  TokenId id = 0;
  std::string content;
  bool rstrip = false;      // swallows the white space that follows
  bool normalized = false;  // looked for (itself normalised) in the normalised text, else in the raw text
  bool special = false;     // left out by decode(skip_special), not looked for without parse_special
};

// Finds the leftmost, then longest of a set of strings. Sorted strings narrowed byte by byte: no automaton to build.
class StringSet {
 public:
  void add(std::string text, size_t value);
  void finish();  // after the last add()
  struct Found {
    size_t begin = 0;
    size_t end = 0;
    size_t value = 0;
  };
  std::optional<Found> find(std::string_view text, size_t from) const;

 private:
  std::optional<Found> match_at(std::string_view text, size_t pos) const;

  std::vector<std::pair<std::string, size_t>> entries_;  // sorted; equal strings keep the order of add()
  std::array<uint32_t, 257> first_{};                    // [byte] first entry that begins with it or a larger one
};

// A stretch of text, or the token that stood there.
struct TextSegment {
  std::optional<TokenId> id;
  std::string_view text;
};

// Immutable.
class AddedTokens {
 public:
  AddedTokens() = default;
  // Throws Error(kInput) for empty, overlong or repeated contents.
  AddedTokens(std::vector<AddedToken> tokens, const Normalizer& normalizer);

  // Cuts the tokens of one kind (raw: normalized false) out of text; empty stretches are left out.
  std::vector<TextSegment> cut(std::string_view text, bool normalized, bool parse_special) const;
  // The token with this id, or nullptr.
  const AddedToken* find(TokenId id) const;
  const AddedToken* find(std::string_view content) const;
  const std::vector<AddedToken>& tokens() const { return tokens_; }  // by id

 private:
  std::vector<AddedToken> tokens_;
  std::array<std::array<StringSet, 2>, 2> sets_;  // [normalized][parse_special]
};

}  // namespace proxima
