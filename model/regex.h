// SPDX-License-Identifier: MIT
// The regular expressions of tokenizer.json on PCRE2 (UTF, Unicode properties, JIT). They are written for another
// engine, so only constructs that mean the same in both are taken; everything else is refused by name.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace proxima {

struct RegexMatch {
  size_t begin = 0;
  size_t end = 0;
};

// Working memory of one thread for any number of patterns.
class RegexScratch {
 public:
  RegexScratch();
  ~RegexScratch();
  RegexScratch(const RegexScratch&) = delete;
  RegexScratch& operator=(const RegexScratch&) = delete;

 private:
  friend class Regex;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Immutable and thread-safe.
class Regex {
 public:
  // Throws Error(kInput) naming the pattern and the construct.
  explicit Regex(std::string_view pattern);
  ~Regex();
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;

  // The leftmost match that begins at or after `from` in well-formed UTF-8. Throws Error(kInput) where the pattern
  // backtracks without end.
  std::optional<RegexMatch> find(std::string_view text, size_t from, RegexScratch& scratch) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The pattern in PCRE2's words: \s and \S become White_Space, which PCRE2's own \s is not.
std::string translate_pattern(std::string_view pattern);

}  // namespace proxima
