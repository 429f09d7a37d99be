// SPDX-License-Identifier: MIT
// The tree of a chat template.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/jinja_value.h"

namespace proxima::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<const Expression>;

struct Expression {
  enum class Kind {
    kConstant,     // value
    kName,         // text
    kDict,         // operands: key, value, key, value, ...
    kAttribute,    // operands[0].text
    kItem,         // operands[0][operands[1]]
    kSlice,        // operands[0][operands[1]:operands[2]:operands[3]], absent ones null
    kMethod,       // operands[0].text(operands[1...])
    kFunction,     // text(operands..., named...)
    kFilter,       // operands[0] | text(operands[1...], named...)
    kTest,         // operands[0] is text(operands[1...])
    kNegate,       // -operands[0]
    kNot,          // not operands[0]
    kAnd,          // operands[0] and operands[1]
    kOr,           // operands[0] or operands[1]
    kArithmetic,   // operands[0] text operands[1], text one of + - %
    kCompare,      // operands[0] operators[0] operands[1] operators[1] operands[2] ...
    kConditional,  // operands[1] if operands[0] else operands[2], the last may be null
  };
  Kind kind = Kind::kConstant;
  size_t line = 0;
  size_t depth = 1;  // of the tree below
  Value value;
  std::string text;
  std::vector<ExpressionPtr> operands;
  std::vector<std::string> operators;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
};

struct Statement;
using Block = std::vector<Statement>;

struct Statement {
  enum class Kind {
    kText,          // text
    kPrint,         // expression
    kSet,           // targets[0] = expression
    kSetAttribute,  // targets[0].targets[1] = expression
    kFor,           // for targets in expression if condition: branches[0]
    kIf,            // branches, each behind its condition; a null condition is else
  };
  struct Branch;
  Kind kind = Kind::kText;
  size_t line = 0;
  std::string text;
  std::vector<std::string> targets;
  ExpressionPtr expression;
  ExpressionPtr condition;
  std::vector<Branch> branches;
};

struct Statement::Branch {
  ExpressionPtr condition;
  Block block;
};

}  // namespace proxima::jinja
