// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/quote.h"
#include "model/regex.h"
#include "model/utf8.h"

namespace proxima {
namespace {

constexpr size_t kMaxPatternBytes = 16384;
constexpr std::string_view kLiteralEscapes = "\\/.-+*?()[]{}|^$'\"#<>=!,:;&@%~` ";
constexpr std::array<std::string_view, 37> kCategories = {
    "L",  "Lu", "Ll", "Lt", "Lm", "Lo", "M",  "Mn", "Mc", "Me", "N",  "Nd", "Nl", "No", "P",  "Pc", "Pd", "Ps", "Pe",
    "Pi", "Pf", "Po", "S",  "Sm", "Sc", "Sk", "So", "Z",  "Zs", "Zl", "Zp", "C",  "Cc", "Cf", "Co", "Cn", "Cs"};

class Translator {
 public:
  explicit Translator(std::string_view pattern) : pattern_(pattern) {
    if (pattern.size() > kMaxPatternBytes) fail(ErrorKind::kInput, "a regular expression of {} bytes", pattern.size());
  }

  std::string translate() {
    while (pos_ < pattern_.size()) {
      const char c = pattern_[pos_];
      if (c == '\\') {
        escape();
      } else if (c == '[') {
        character_class();
      } else if (c == '(') {
        group();
      } else if (c == '?' || c == '*' || c == '+') {
        take(1);
        if (at("?") || at("+")) take(1);
      } else if (c == '{') {
        repeat();
      } else if (c == '.' || c == '^' || c == '$' || c == ']' || c == '}') {
        refuse(1);
      } else {
        take(1);
      }
    }
    return out_;
  }

 private:
  bool at(std::string_view text) const { return pattern_.substr(pos_).starts_with(text); }

  void take(size_t n_bytes) {
    out_ += pattern_.substr(pos_, n_bytes);
    pos_ += n_bytes;
  }

  [[noreturn]] void refuse(size_t n_bytes) const {
    fail(ErrorKind::kInput, "the regular expression {} holds {} (byte {}), which is not supported", quote(pattern_),
         quote(pattern_.substr(pos_, n_bytes)), pos_);
  }

  void escape() {
    const std::string_view two = pattern_.substr(pos_, 2);
    if (two == "\\s" || two == "\\S") {
      out_ += two == "\\s" ? "\\p{White_Space}" : "\\P{White_Space}";
      pos_ += 2;
    } else if (two == "\\p" || two == "\\P") {
      const size_t end = pattern_.find('}', pos_);
      const bool braced = pattern_.substr(pos_ + 2, 1) == "{" && end != pattern_.npos;
      if (!braced) refuse(3);
      const std::string_view name = pattern_.substr(pos_ + 3, end - pos_ - 3);
      if (std::find(kCategories.begin(), kCategories.end(), name) == kCategories.end()) refuse(end + 1 - pos_);
      take(end + 1 - pos_);
    } else if (two == "\\r" || two == "\\n" || two == "\\t") {
      take(2);
    } else if (two.size() == 2 && kLiteralEscapes.find(two[1]) != kLiteralEscapes.npos) {
      take(2);
    } else {
      refuse(2);
    }
  }

  void character_class() {
    take(1);
    if (at("^")) take(1);
    if (at("]")) refuse(1);
    while (!at("]")) {
      if (pos_ == pattern_.size())
        fail(ErrorKind::kInput, "the regular expression {} has no closing ]", quote(pattern_));
      if (at("[") || at("&&")) refuse(2);
      if (at("\\")) {
        escape();
      } else {
        take(1);
      }
    }
    take(1);
  }

  void group() {
    for (const std::string_view opening : {"(?:", "(?i:", "(?!", "(?="}) {
      if (at(opening)) return take(opening.size());
    }
    if (at("(?") || at("(*")) refuse(3);
    take(1);
  }

  // {m}, {m,} or {m,n}, as both engines read them.
  void repeat() {
    const size_t end = pattern_.find('}', pos_);
    const std::string_view inside = pattern_.substr(pos_ + 1, end == pattern_.npos ? end : end - pos_ - 1);
    const size_t comma = std::min(inside.find(','), inside.size());
    const auto is_number = [](std::string_view text, bool may_be_empty) {
      return (may_be_empty || !text.empty()) && text.size() < 5 && text.find_first_not_of("0123456789") == text.npos;
    };
    const std::string_view upper = comma == inside.size() ? std::string_view{} : inside.substr(comma + 1);
    if (end == pattern_.npos || !is_number(inside.substr(0, comma), false) || !is_number(upper, true)) refuse(1);
    take(end + 1 - pos_);
    if (at("?") || at("+")) refuse(1);
  }

  std::string_view pattern_;
  size_t pos_ = 0;
  std::string out_;
};

}  // namespace

std::string translate_pattern(std::string_view pattern) {
  return Translator(pattern).translate();
}

}  // namespace proxima
