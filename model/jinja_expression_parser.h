// SPDX-License-Identifier: MIT
// Parses the expressions of a chat template by recursive descent, one function per precedence.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/jinja_ast.h"
#include "model/jinja_token_stream.h"

namespace proxima::jinja {

class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& tokens) : tokens_(tokens) {}

  ExpressionPtr parse();             // with an inline if
  ExpressionPtr parse_without_if();  // the iterable of a for, whose `if` filters

 private:
  using Kind = Expression::Kind;
  using Node = std::unique_ptr<Expression>;
  class Nesting;

  Node parse_conditional();
  Node parse_or();
  Node parse_and();
  Node parse_not();
  Node parse_compare();
  Node parse_sum();
  Node parse_product();
  Node parse_unary(bool with_filters);
  Node parse_primary();
  Node parse_dict();
  Node parse_postfix(Node node);
  Node parse_filters(Node node);
  Node parse_filter(Node node);
  Node parse_test(Node node);
  Node parse_dot(Node node);
  Node parse_subscript(Node node);
  Node parse_call(Node node);
  void parse_arguments(Expression& call);
  void check_function(const Expression& call) const;
  std::string take_compare_operator();
  bool at_test_argument() const;
  Node make(Kind kind, std::string text = {}) const;
  void adopt(Expression& parent, Node child) const;
  Node binary(Kind kind, std::string text, Node left, Node right) const;
  [[noreturn]] void refuse(std::string_view construct) const;

  TokenStream& tokens_;
  size_t nesting_ = 0;
};

}  // namespace proxima::jinja
