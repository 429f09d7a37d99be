// SPDX-License-Identifier: MIT
#include "model/jinja_expression_parser.h"

#include <array>
#include <charconv>

#include "model/jinja_builtins.h"

namespace proxima::jinja {
namespace {

// Bounds the recursion of the parser, the interpreter and the destructors.
constexpr size_t kMaxDepth = 200;
constexpr size_t kMaxNesting = 150;

}  // namespace

class ExpressionParser::Nesting {
 public:
  explicit Nesting(ExpressionParser& parser) : parser_(parser) {
    if (++parser_.nesting_ > kMaxNesting) parser_.tokens_.fail_here("the expression is nested too deeply");
  }
  ~Nesting() { --parser_.nesting_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  ExpressionParser& parser_;
};

void ExpressionParser::refuse(std::string_view construct) const {
  tokens_.fail_here(fmt::format("{} is not supported", construct));
}

ExpressionParser::Node ExpressionParser::make(Kind kind, std::string text) const {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->line = tokens_.peek().line;
  node->text = std::move(text);
  return node;
}

void ExpressionParser::adopt(Expression& parent, Node child) const {
  if (child) parent.depth = std::max(parent.depth, child->depth + 1);
  if (parent.depth > kMaxDepth) tokens_.fail_here("the expression is too long");
  parent.operands.push_back(std::move(child));
}

ExpressionParser::Node ExpressionParser::binary(Kind kind, std::string text, Node left, Node right) const {
  Node node = make(kind, std::move(text));
  node->line = left->line;
  adopt(*node, std::move(left));
  adopt(*node, std::move(right));
  return node;
}

ExpressionPtr ExpressionParser::parse() {
  return parse_conditional();
}
ExpressionPtr ExpressionParser::parse_without_if() {
  return parse_or();
}

ExpressionParser::Node ExpressionParser::parse_conditional() {
  const Nesting nesting(*this);
  Node node = parse_or();
  while (tokens_.take_name("if")) {
    Node conditional = make(Kind::kConditional);
    adopt(*conditional, parse_or());
    adopt(*conditional, std::move(node));
    adopt(*conditional, tokens_.take_name("else") ? parse_conditional() : nullptr);
    node = std::move(conditional);
  }
  return node;
}

ExpressionParser::Node ExpressionParser::parse_or() {
  Node node = parse_and();
  while (tokens_.take_name("or")) node = binary(Kind::kOr, {}, std::move(node), parse_and());
  return node;
}

ExpressionParser::Node ExpressionParser::parse_and() {
  Node node = parse_not();
  while (tokens_.take_name("and")) node = binary(Kind::kAnd, {}, std::move(node), parse_not());
  return node;
}

ExpressionParser::Node ExpressionParser::parse_not() {
  if (!tokens_.at_name("not")) return parse_compare();
  const Nesting nesting(*this);
  Node node = make(Kind::kNot);
  tokens_.next();
  adopt(*node, parse_not());
  return node;
}

std::string ExpressionParser::take_compare_operator() {
  for (const char* text : {"==", "!=", "<", ">"}) {
    if (tokens_.take_operator(text)) return text;
  }
  if (tokens_.take_name("in")) return "in";
  const Token& behind = tokens_.peek(1);
  if (tokens_.at_name("not") && behind.kind == TokenKind::kName && behind.text == "in") {
    tokens_.next();
    tokens_.next();
    return "not in";
  }
  if (tokens_.at_operator("<=") || tokens_.at_operator(">=")) refuse(tokens_.describe());
  return {};
}

ExpressionParser::Node ExpressionParser::parse_compare() {
  Node node = parse_sum();
  Node compare;
  for (std::string name = take_compare_operator(); !name.empty(); name = take_compare_operator()) {
    if (!compare) {
      compare = make(Kind::kCompare);
      adopt(*compare, std::move(node));
    }
    compare->operators.push_back(std::move(name));
    adopt(*compare, parse_sum());
  }
  return compare ? std::move(compare) : std::move(node);
}

ExpressionParser::Node ExpressionParser::parse_sum() {
  Node node = parse_product();
  while (tokens_.at_operator("+") || tokens_.at_operator("-")) {
    const std::string text = tokens_.next().text;
    node = binary(Kind::kArithmetic, text, std::move(node), parse_product());
  }
  if (tokens_.at_operator("~")) refuse("the operator '~'");
  return node;
}

ExpressionParser::Node ExpressionParser::parse_product() {
  Node node = parse_unary(true);
  while (tokens_.take_operator("%")) node = binary(Kind::kArithmetic, "%", std::move(node), parse_unary(true));
  for (const char* text : {"*", "/", "//", "**"}) {
    if (tokens_.at_operator(text)) refuse(fmt::format("the operator '{}'", text));
  }
  return node;
}

ExpressionParser::Node ExpressionParser::parse_unary(bool with_filters) {
  const Nesting nesting(*this);
  Node node;
  if (tokens_.at_operator("-")) {
    node = make(Kind::kNegate);
    tokens_.next();
    adopt(*node, parse_unary(false));
  } else if (tokens_.at_operator("+")) {
    refuse("unary '+'");
  } else {
    node = parse_primary();
  }
  node = parse_postfix(std::move(node));
  return with_filters ? parse_filters(std::move(node)) : std::move(node);
}

ExpressionParser::Node ExpressionParser::parse_primary() {
  Node node = make(Kind::kConstant);
  if (tokens_.at(TokenKind::kString)) {
    std::string text;
    while (tokens_.at(TokenKind::kString)) text += tokens_.next().text;  // neighbours join
    node->value = Value::string(std::move(text));
  } else if (tokens_.at(TokenKind::kInteger)) {
    const std::string& digits = tokens_.peek().text;
    int64_t number = 0;
    if (std::from_chars(digits.data(), digits.data() + digits.size(), number).ec != std::errc()) {
      refuse("an integer beyond 64 bits");
    }
    tokens_.next();
    node->value = Value::integer(number);
  } else if (tokens_.at(TokenKind::kName)) {
    const std::string name = tokens_.next().text;
    if (name == "true" || name == "True" || name == "false" || name == "False") {
      node->value = Value::boolean(name == "true" || name == "True");
    } else if (name != "none" && name != "None") {
      node->kind = Kind::kName;
      node->text = name;
    }
  } else if (tokens_.take_operator("(")) {
    if (tokens_.at_operator(")")) refuse("a tuple literal");
    node = parse_conditional();
    if (tokens_.at_operator(",")) refuse("a tuple literal");
    tokens_.expect_operator(")");
  } else if (tokens_.at_operator("{")) {
    node = parse_dict();
  } else if (tokens_.at_operator("[")) {
    refuse("a list literal");
  } else {
    tokens_.fail_here(fmt::format("an expression expected instead of {}", tokens_.describe()));
  }
  return node;
}

ExpressionParser::Node ExpressionParser::parse_dict() {
  Node node = make(Kind::kDict);
  tokens_.expect_operator("{");
  while (!tokens_.take_operator("}")) {
    if (!node->operands.empty()) {
      tokens_.expect_operator(",");
      if (tokens_.take_operator("}")) break;
    }
    adopt(*node, parse_conditional());
    tokens_.expect_operator(":");
    adopt(*node, parse_conditional());
  }
  return node;
}

ExpressionParser::Node ExpressionParser::parse_postfix(Node node) {
  while (true) {
    if (tokens_.at_operator(".")) {
      node = parse_dot(std::move(node));
    } else if (tokens_.at_operator("[")) {
      node = parse_subscript(std::move(node));
    } else if (tokens_.at_operator("(")) {
      node = parse_call(std::move(node));
    } else {
      return node;
    }
  }
}

ExpressionParser::Node ExpressionParser::parse_dot(Node node) {
  Node access = make(Kind::kAttribute);
  tokens_.next();
  if (tokens_.at(TokenKind::kInteger)) refuse("an index behind a dot");
  access->text = tokens_.expect_name();
  adopt(*access, std::move(node));
  return access;
}

ExpressionParser::Node ExpressionParser::parse_subscript(Node node) {
  Node access = make(Kind::kItem);
  adopt(*access, std::move(node));
  tokens_.next();
  const auto at_bound_end = [this] { return tokens_.at_operator(":") || tokens_.at_operator("]"); };
  adopt(*access, at_bound_end() ? nullptr : parse_conditional());
  while (tokens_.take_operator(":")) {
    access->kind = Kind::kSlice;
    if (access->operands.size() == 4) tokens_.fail_here("a slice has more than three parts");
    adopt(*access, at_bound_end() ? nullptr : parse_conditional());
  }
  if (tokens_.at_operator(",")) refuse("an index of several parts");
  if (access->kind == Kind::kItem && !access->operands[1]) tokens_.fail_here("an index is missing");
  tokens_.expect_operator("]");
  while (access->kind == Kind::kSlice && access->operands.size() < 4) adopt(*access, nullptr);
  return access;
}

ExpressionParser::Node ExpressionParser::parse_call(Node node) {
  if (node->kind == Kind::kName) {
    node->kind = Kind::kFunction;
    parse_arguments(*node);
    check_function(*node);
  } else if (node->kind == Kind::kAttribute) {
    if (!is_method(node->text)) refuse(fmt::format("the method {}", quote(node->text)));
    node->kind = Kind::kMethod;
    parse_arguments(*node);
    if (!node->named.empty()) refuse(fmt::format("a named argument of '{}'", node->text));
  } else {
    refuse("calling this expression");
  }
  return node;
}

void ExpressionParser::check_function(const Expression& call) const {
  const size_t n_positional = call.operands.size();
  if (call.text == "namespace") {
    if (n_positional != 0) refuse("a positional argument of 'namespace'");
  } else if (call.text == "raise_exception" || call.text == "strftime_now") {
    if (n_positional != 1 || !call.named.empty()) tokens_.fail_here(fmt::format("'{}' takes one argument", call.text));
  } else {
    refuse(fmt::format("the function {}", quote(call.text)));
  }
}

void ExpressionParser::parse_arguments(Expression& call) {
  tokens_.expect_operator("(");
  bool first = true;
  while (!tokens_.take_operator(")")) {
    if (!first) {
      tokens_.expect_operator(",");
      if (tokens_.take_operator(")")) break;
    }
    first = false;
    if (tokens_.at_operator("*") || tokens_.at_operator("**")) refuse("an unpacked argument");
    const Token& behind = tokens_.peek(1);
    if (tokens_.at(TokenKind::kName) && behind.kind == TokenKind::kOperator && behind.text == "=") {
      std::string name = tokens_.next().text;
      tokens_.next();
      Node value = parse_conditional();
      call.depth = std::max(call.depth, value->depth + 1);
      call.named.emplace_back(std::move(name), std::move(value));
    } else {
      if (!call.named.empty()) tokens_.fail_here("a positional argument follows a named one");
      adopt(call, parse_conditional());
    }
  }
}

ExpressionParser::Node ExpressionParser::parse_filters(Node node) {
  while (true) {
    if (tokens_.at_operator("|")) {
      node = parse_filter(std::move(node));
    } else if (tokens_.at_name("is")) {
      node = parse_test(std::move(node));
    } else if (tokens_.at_operator("(")) {
      refuse("calling this expression");
    } else {
      return node;
    }
  }
}

ExpressionParser::Node ExpressionParser::parse_filter(Node node) {
  tokens_.next();
  Node filter = make(Kind::kFilter);
  filter->text = tokens_.expect_name();
  if (!is_filter(filter->text) || tokens_.at_operator(".")) refuse(fmt::format("the filter {}", quote(filter->text)));
  adopt(*filter, std::move(node));
  if (tokens_.at_operator("(")) parse_arguments(*filter);
  return filter;
}

// Jinja lets a test take one argument without parentheses, and reads any value that follows as one.
bool ExpressionParser::at_test_argument() const {
  for (const char* name : {"else", "or", "and"}) {
    if (tokens_.at_name(name)) return false;
  }
  for (const char* text : {"(", "[", "{"}) {
    if (tokens_.at_operator(text)) return true;
  }
  return tokens_.at(TokenKind::kName) || tokens_.at(TokenKind::kString) || tokens_.at(TokenKind::kInteger);
}

ExpressionParser::Node ExpressionParser::parse_test(Node node) {
  tokens_.next();
  const bool negated = tokens_.take_name("not");
  Node test = make(Kind::kTest);
  test->text = tokens_.expect_name();
  if (!is_test(test->text) || tokens_.at_operator(".")) refuse(fmt::format("the test {}", quote(test->text)));
  adopt(*test, std::move(node));
  if (tokens_.at_operator("(")) {
    parse_arguments(*test);
    if (!test->named.empty()) refuse(fmt::format("a named argument of the test '{}'", test->text));
  } else if (at_test_argument()) {
    if (tokens_.at_name("is")) refuse("a chain of tests");
    adopt(*test, parse_postfix(parse_primary()));
  }
  if (test->operands.size() != 1 + n_test_arguments(test->text)) {
    tokens_.fail_here(fmt::format("the test '{}' takes {} arguments", test->text, n_test_arguments(test->text)));
  }
  if (!negated) return test;
  Node negation = make(Kind::kNot);
  adopt(*negation, std::move(test));
  return negation;
}

}  // namespace proxima::jinja
