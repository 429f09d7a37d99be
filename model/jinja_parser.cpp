// SPDX-License-Identifier: MIT
#include "model/jinja_parser.h"

#include <array>

#include "model/jinja_expression_parser.h"
#include "model/jinja_token_stream.h"

namespace proxima::jinja {
namespace {

constexpr size_t kMaxNesting = 60;

class Parser {
 public:
  explicit Parser(std::string_view source) : tokens_(tokenize(source)), expressions_(tokens_) {}

  Block parse_template() {
    Block block = parse_block();
    if (!tokens_.at(TokenKind::kEnd)) tokens_.fail_here(fmt::format("unexpected {}", tag_name()));
    return block;
  }

 private:
  // The name behind {%, or what stands there instead.
  std::string tag_name() const { return quote(tokens_.peek(1).text); }

  // Statements up to a tag that ends or continues a block (or is unknown), which stays.
  Block parse_block() {
    if (++nesting_ > kMaxNesting) tokens_.fail_here("blocks are nested too deeply");
    Block block;
    while (true) {
      if (tokens_.at(TokenKind::kText)) {
        Statement statement = make(Statement::Kind::kText);
        statement.text = tokens_.next().text;
        block.push_back(std::move(statement));
      } else if (tokens_.at(TokenKind::kPrintBegin)) {
        block.push_back(parse_print());
      } else if (!tokens_.at(TokenKind::kBlockBegin) || !parse_tag(block)) {
        --nesting_;
        return block;
      }
    }
  }

  Statement make(Statement::Kind kind) const {
    Statement statement;
    statement.kind = kind;
    statement.line = tokens_.peek().line;
    return statement;
  }

  Statement parse_print() {
    Statement statement = make(Statement::Kind::kPrint);
    tokens_.next();
    statement.expression = expressions_.parse();
    if (tokens_.at_operator(",")) tokens_.fail_here("a tuple literal is not supported");
    tokens_.expect(TokenKind::kPrintEnd, "'}}'");
    return statement;
  }

  bool parse_tag(Block& block) {
    const std::string name = tokens_.peek(1).text;
    if (tokens_.peek(1).kind != TokenKind::kName) tokens_.fail_here("a tag without a name");
    if (name == "for") {
      block.push_back(parse_for());
    } else if (name == "if") {
      block.push_back(parse_if());
    } else if (name == "set") {
      block.push_back(parse_set());
    } else if (name == "elif" || name == "else" || name == "endif" || name == "endfor") {
      return false;
    } else {
      tokens_.fail_here(fmt::format("the tag {} is not supported", quote(name)));
    }
    return true;
  }

  Statement open_tag(Statement::Kind kind) {
    Statement statement = make(kind);
    tokens_.next();
    tokens_.next();
    return statement;
  }

  void close_tag() { tokens_.expect(TokenKind::kBlockEnd, "'%}'"); }

  // Takes {% name if it stands here; its end is the caller's.
  bool take_tag(std::string_view name) {
    if (!tokens_.at(TokenKind::kBlockBegin) || tokens_.peek(1).text != name) return false;
    tokens_.next();
    tokens_.next();
    return true;
  }

  void expect_tag(std::string_view name) {
    if (!take_tag(name)) {
      const std::string found = tokens_.at(TokenKind::kEnd) ? tokens_.describe() : tag_name();
      tokens_.fail_here(fmt::format("'{}' expected instead of {}", name, found));
    }
    close_tag();
  }

  Statement parse_for() {
    Statement statement = open_tag(Statement::Kind::kFor);
    do {
      if (!statement.targets.empty() && tokens_.at_name("in")) break;  // a comma at the end
      statement.targets.push_back(expect_target());
    } while (tokens_.take_operator(","));
    if (!tokens_.take_name("in")) tokens_.fail_here(fmt::format("'in' expected instead of {}", tokens_.describe()));
    statement.expression = expressions_.parse_without_if();
    if (tokens_.take_name("if")) statement.condition = expressions_.parse();
    if (tokens_.at_name("recursive")) tokens_.fail_here("a recursive loop is not supported");
    if (tokens_.at_operator(",")) tokens_.fail_here("a tuple literal is not supported");
    close_tag();
    statement.branches.push_back({nullptr, parse_block()});
    if (take_tag("else")) tokens_.fail_here("'else' of a loop is not supported");
    expect_tag("endfor");
    return statement;
  }

  Statement parse_if() {
    Statement statement = open_tag(Statement::Kind::kIf);
    do {
      ExpressionPtr condition = expressions_.parse_without_if();
      close_tag();
      statement.branches.push_back({std::move(condition), parse_block()});
    } while (take_tag("elif"));
    if (take_tag("else")) {
      close_tag();
      statement.branches.push_back({nullptr, parse_block()});
    }
    expect_tag("endif");
    return statement;
  }

  Statement parse_set() {
    Statement statement = open_tag(Statement::Kind::kSet);
    statement.targets.push_back(expect_target());
    if (tokens_.take_operator(".")) {
      statement.kind = Statement::Kind::kSetAttribute;
      statement.targets.push_back(tokens_.expect_name());
    }
    if (tokens_.at_operator(",")) tokens_.fail_here("'set' of several names is not supported");
    if (tokens_.at(TokenKind::kBlockEnd) || tokens_.at_operator("|")) {
      tokens_.fail_here("'set' of a block is not supported");
    }
    tokens_.expect_operator("=");
    statement.expression = expressions_.parse();
    if (tokens_.at_operator(",")) tokens_.fail_here("a tuple literal is not supported");
    close_tag();
    return statement;
  }

  std::string expect_target() {
    if (tokens_.at_operator("(")) tokens_.fail_here("a target in parentheses is not supported");
    static constexpr std::array<std::string_view, 7> kConstants = {"true",  "false", "none", "True",
                                                                   "False", "None",  "loop"};
    std::string name = tokens_.expect_name();
    for (const std::string_view constant : kConstants) {
      if (name == constant) tokens_.fail_here(fmt::format("'{}' cannot be assigned to", name));
    }
    return name;
  }

  TokenStream tokens_;
  ExpressionParser expressions_;
  size_t nesting_ = 0;
};

}  // namespace

Block parse(std::string_view source) {
  return Parser(source).parse_template();
}

}  // namespace proxima::jinja
