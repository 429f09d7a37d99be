// SPDX-License-Identifier: MIT
// The tokens of a template with the questions a parser asks.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/error.h"
#include "core/quote.h"
#include "model/jinja_lexer.h"

namespace proxima::jinja {

class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& peek(size_t ahead = 0) const { return tokens_[std::min(pos_ + ahead, tokens_.size() - 1)]; }
  const Token& next() {
    const Token& token = peek();
    ++pos_;
    return token;
  }

  bool at(TokenKind kind) const { return peek().kind == kind; }
  bool at_name(std::string_view name) const { return at(TokenKind::kName) && peek().text == name; }
  bool at_operator(std::string_view text) const { return at(TokenKind::kOperator) && peek().text == text; }
  bool take_name(std::string_view name) { return at_name(name) && (next(), true); }
  bool take_operator(std::string_view text) { return at_operator(text) && (next(), true); }

  void expect_operator(std::string_view text) {
    if (!take_operator(text)) fail_here(fmt::format("'{}' expected instead of {}", text, describe()));
  }
  void expect(TokenKind kind, std::string_view what) {
    if (!at(kind)) fail_here(fmt::format("{} expected instead of {}", what, describe()));
    next();
  }
  std::string expect_name() {
    if (!at(TokenKind::kName)) fail_here(fmt::format("a name expected instead of {}", describe()));
    return next().text;
  }

  std::string describe() const {
    switch (peek().kind) {
      case TokenKind::kEnd:
        return "the end of the template";
      case TokenKind::kPrintEnd:
        return "'}}'";
      case TokenKind::kBlockEnd:
        return "'%}'";
      default:
        return quote(peek().text);
    }
  }

  [[noreturn]] void fail_here(std::string_view what) const {
    fail(ErrorKind::kInput, "line {}: {}", peek().line, what);
  }

 private:
  std::vector<Token> tokens_;
  size_t pos_ = 0;
};

}  // namespace proxima::jinja
