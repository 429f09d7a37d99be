// SPDX-License-Identifier: MIT
// The normalizer of a tokenizer.json: NFC, Prepend, Replace of a literal, or a Sequence of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace proxima {

// Immutable.
class Normalizer {
 public:
  Normalizer() = default;  // changes nothing
  // json: the text of the "normalizer" value, may be null. Throws Error(kInput) naming what is not supported.
  static Normalizer parse(std::string_view json);

  // One piece of well-formed UTF-8; an empty one stays empty.
  std::string apply(std::string_view text) const;
  bool empty() const { return steps_.empty(); }

 private:
  enum class Kind { kNfc, kPrepend, kReplace };
  struct Step {
    Kind kind = Kind::kNfc;
    std::string pattern;  // of Replace, never empty
    std::string content;  // of Replace and Prepend
  };
  template <class Json>
  void add(const Json& component, const std::string& where, size_t depth);

  std::vector<Step> steps_;
};

// text with every occurrence of a non-empty pattern replaced, left to right. Throws Error(kInput) beyond limit bytes.
std::string replace_all(std::string_view text, std::string_view pattern, std::string_view content, size_t limit);

}  // namespace proxima
