// SPDX-License-Identifier: MIT
// Jinja text to tokens, with trim_blocks and lstrip_blocks on and one trailing newline dropped, as chat templates are
// read everywhere.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace proxima::jinja {

enum class TokenKind {
  kText,
  kPrintBegin,
  kPrintEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,
  kInteger,
  kOperator,
  kEnd
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;  // a string's value; a name, number or operator as written
  size_t line = 1;
};

// Throws Error(kInput) "line N: ..." naming what is malformed or outside the subset. The last token is kEnd.
std::vector<Token> tokenize(std::string_view source);

}  // namespace proxima::jinja
