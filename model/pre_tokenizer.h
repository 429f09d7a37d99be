// SPDX-License-Identifier: MIT
// The pre-tokenizer of a tokenizer.json: cuts a normalised stretch of text into the pieces that BPE sees.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/regex.h"

namespace proxima {

// Immutable. Digits, Split (a regular expression Isolated, or a literal Isolated or MergedWithPrevious), ByteLevel,
// Sequences of these, or Metaspace (prepend_scheme first, split false) alone.
class PreTokenizer {
 public:
  PreTokenizer() = default;  // the whole stretch is one piece
  // json: the text of the "pre_tokenizer" value, may be null. Throws Error(kInput) naming what is not supported.
  static PreTokenizer parse(std::string_view json);

  // Metaspace's change of the text; at_start says that the stretch begins where the whole text begins.
  bool rewrites() const { return metaspace_.has_value(); }
  std::string rewrite(std::string_view text, bool at_start) const;
  // Pieces are views into text, none empty.
  std::vector<std::string_view> split(std::string_view text, RegexScratch& scratch) const;
  bool byte_level() const { return byte_level_; }

 private:
  enum class Kind { kDigits, kIsolated, kMergedWithPrevious };
  struct Step {
    Kind kind = Kind::kDigits;
    std::optional<Regex> regex;
    std::string literal;  // where there is no regex
  };
  template <class Json>
  void add(const Json& component, size_t depth);
  template <class Json>
  void add_split(const Json& component);
  template <class Json>
  void add_metaspace(const Json& component, size_t depth);
  template <class Json>
  void add_byte_level(const Json& component);

  std::vector<Step> steps_;
  std::optional<std::string> metaspace_;  // the replacement of a space
  bool byte_level_ = false;
};

}  // namespace proxima
