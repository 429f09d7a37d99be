// SPDX-License-Identifier: MIT
#include "model/jinja_interpreter.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/quote.h"
#include "model/jinja_builtins.h"
#include "model/jinja_text.h"
#include "model/utf8.h"

namespace proxima::jinja {
namespace {

constexpr size_t kStepCost = 32;
// What is defined without standing in the context; templates ask for some of them before they call.
constexpr std::string_view kGlobals[] = {"raise_exception", "strftime_now", "namespace", "range", "dict",
                                         "lipsum",          "cycler",       "joiner"};

using Scope = std::map<std::string, Value, std::less<>>;

// strftime with the directives that mean the same everywhere.
std::string format_time(std::string_view format, const std::tm& now) {
  static constexpr std::string_view kDirectives = "aAbBdHIjmMpSyY%";
  for (size_t pos = format.find('%'); pos != format.npos; pos = format.find('%', pos + 2)) {
    if (pos + 1 == format.size() || kDirectives.find(format[pos + 1]) == kDirectives.npos) {
      problem("strftime_now: the format {} is not supported", quote(format));
    }
  }
  if (format.size() > 256) problem("strftime_now: the format is too long");
  std::array<char, 8192> buffer;
  return {buffer.data(), std::strftime(buffer.data(), buffer.size(), std::string(format).c_str(), &now)};
}

class Interpreter {
 public:
  Interpreter(const Dict& context, const RenderOptions& options)
      : context_(context), options_(options), budget_(options.budget), scopes_(1) {}
  // A namespace may hold itself.
  ~Interpreter() {
    for (const auto& space : namespaces_) space->attributes.clear();
  }
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  std::string run(const Block& block) {
    try {
      execute(block);
    } catch (const Problem& found) {
      fail(ErrorKind::kInput, "line {}: {}", line_, found.message);
    }
    return std::move(out_);
  }

 private:
  void execute(const Block& block) {
    for (const Statement& statement : block) execute(statement);
  }

  void execute(const Statement& statement) {
    step(statement.line);
    switch (statement.kind) {
      case Statement::Kind::kText:
        write(statement.text);
        break;
      case Statement::Kind::kPrint:
        write(to_text(evaluate(*statement.expression), budget_));
        break;
      case Statement::Kind::kSet:
        scopes_.back()[statement.targets[0]] = evaluate(*statement.expression);
        break;
      case Statement::Kind::kSetAttribute:
        set_attribute(statement);
        break;
      case Statement::Kind::kFor:
        execute_for(statement);
        break;
      case Statement::Kind::kIf:
        for (const auto& branch : statement.branches) {
          if (!branch.condition || is_true(evaluate(*branch.condition))) return execute(branch.block);
        }
        break;
    }
  }

  void step(size_t line) {
    line_ = line;
    budget_.charge(kStepCost);
  }

  void write(std::string_view text) {
    budget_.charge(text.size());
    out_ += text;
  }

  void set_attribute(const Statement& statement) {
    Value value = evaluate(*statement.expression);
    const Value target = find(statement.targets[0]);
    const auto* space = target.get<std::shared_ptr<Namespace>>();
    if (space == nullptr) problem("'{}' is not a namespace: its attributes cannot be set", statement.targets[0]);
    (*space)->attributes[statement.targets[1]] = std::move(value);
  }

  // The filter sees the targets, but neither the loop nor what the body sets.
  void execute_for(const Statement& statement) {
    std::vector<Value> items = iterate(evaluate(*statement.expression), budget_);
    if (statement.condition) {
      std::vector<Value> kept;
      for (Value& item : items) {
        scopes_.emplace_back();
        bind(statement.targets, item);
        if (is_true(evaluate(*statement.condition))) kept.push_back(std::move(item));
        scopes_.pop_back();
      }
      items = std::move(kept);
    }
    const auto loop = std::make_shared<Loop>();
    loop->length = items.size();
    for (; loop->index0 < items.size(); ++loop->index0) {
      step(statement.line);
      scopes_.emplace_back();
      scopes_.back()["loop"] = Value::Variant(std::shared_ptr<const Loop>(loop));
      bind(statement.targets, items[loop->index0]);
      execute(statement.branches[0].block);
      scopes_.pop_back();
    }
  }

  void bind(const std::vector<std::string>& targets, const Value& item) {
    if (targets.size() == 1) {
      scopes_.back()[targets[0]] = item;
      return;
    }
    item.require_defined();
    const std::vector<Value> parts = iterate(item, budget_);
    if (parts.size() != targets.size()) problem("{} values for {} names", parts.size(), targets.size());
    for (size_t index = 0; index < parts.size(); ++index) scopes_.back()[targets[index]] = parts[index];
  }

  Value find(const std::string& name) const {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      if (const auto found = scope->find(name); found != scope->end()) return found->second;
    }
    if (const Value* value = context_.find(name)) return *value;
    if (std::find(std::begin(kGlobals), std::end(kGlobals), name) != std::end(kGlobals)) {
      return Value::Variant(Function{});
    }
    return Value::undefined(fmt::format("'{}' is undefined", name));
  }

  Value evaluate(const Expression& node) {
    using Kind = Expression::Kind;
    step(node.line);
    switch (node.kind) {
      case Kind::kConstant:
        return node.value;
      case Kind::kName:
        return find(node.text);
      case Kind::kDict:
        return evaluate_dict(node);
      case Kind::kAttribute:
        return get_attribute(operand(node, 0), node.text);
      case Kind::kItem: {
        const Value object = operand(node, 0);
        return get_item(object, operand(node, 1), budget_);
      }
      case Kind::kSlice: {
        const Value object = operand(node, 0);
        const Value start = operand(node, 1);
        const Value stop = operand(node, 2);
        return get_slice(object, {start, stop, operand(node, 3)}, budget_);
      }
      case Kind::kMethod: {
        const Value object = operand(node, 0);
        return call_method(node.text, object, operands_from(node, 1), budget_);
      }
      case Kind::kFunction:
        return call_function(node);
      case Kind::kFilter: {
        const Value value = operand(node, 0);
        return apply_filter(node.text, value, {operands_from(node, 1), named_of(node)}, budget_);
      }
      case Kind::kTest: {
        const Value value = operand(node, 0);
        return Value::boolean(apply_test(node.text, value, operands_from(node, 1), budget_));
      }
      case Kind::kNegate:
        return negate(operand(node, 0));
      case Kind::kNot:
        return Value::boolean(!is_true(operand(node, 0)));
      case Kind::kAnd:
      case Kind::kOr: {
        const Value left = operand(node, 0);
        return is_true(left) == (node.kind == Kind::kOr) ? left : operand(node, 1);
      }
      case Kind::kArithmetic:
        return evaluate_arithmetic(node);
      case Kind::kCompare:
        return evaluate_compare(node);
      case Kind::kConditional:
        if (is_true(operand(node, 0))) return operand(node, 1);
        if (node.operands[2]) return operand(node, 2);
        return Value::undefined("the inline if was false and has no else");
    }
    return {};
  }

  // None where the operand is absent (the bounds of a slice).
  Value operand(const Expression& node, size_t index) {
    return node.operands[index] ? evaluate(*node.operands[index]) : Value();
  }

  std::vector<Value> operands_from(const Expression& node, size_t first) {
    std::vector<Value> values;
    for (size_t index = first; index < node.operands.size(); ++index) values.push_back(operand(node, index));
    return values;
  }

  std::vector<std::pair<std::string, Value>> named_of(const Expression& node) {
    std::vector<std::pair<std::string, Value>> values;
    for (const auto& [name, expression] : node.named) values.emplace_back(name, evaluate(*expression));
    return values;
  }

  Value evaluate_dict(const Expression& node) {
    Dict dict;
    for (size_t index = 0; index < node.operands.size(); index += 2) {
      const Value key = operand(node, index);
      if (key.text() == nullptr) problem("a dict key of type {} is not supported", type_name(key));
      dict.set(*key.text(), operand(node, index + 1));
    }
    return make_dict(std::move(dict));
  }

  Value evaluate_arithmetic(const Expression& node) {
    const Value left = operand(node, 0);
    const Value right = operand(node, 1);
    line_ = node.line;
    if (node.text == "+") return add(left, right, budget_);
    return node.text == "-" ? subtract(left, right) : modulo(left, right);
  }

  Value evaluate_compare(const Expression& node) {
    Value left = operand(node, 0);
    for (size_t index = 0; index < node.operators.size(); ++index) {
      Value right = operand(node, index + 1);
      if (!compare(node.operators[index], left, right)) return Value::boolean(false);
      left = std::move(right);
    }
    return Value::boolean(true);
  }

  bool compare(const std::string& name, const Value& left, const Value& right) {
    if (name == "==") return equal(left, right, budget_);
    if (name == "!=") return !equal(left, right, budget_);
    if (name == "<") return less(left, right, budget_);
    if (name == ">") return less(right, left, budget_);
    return contains(right, left, budget_) == (name == "in");
  }

  Value call_function(const Expression& node) {
    if (node.text == "namespace") {
      auto space = std::make_shared<Namespace>();
      for (auto& [name, value] : named_of(node)) space->attributes[name] = std::move(value);
      namespaces_.push_back(space);
      return Value::Variant(std::move(space));
    }
    const Value argument = operand(node, 0);
    if (node.text == "raise_exception") throw Raised{to_text(argument, budget_)};
    if (argument.text() == nullptr) problem("strftime_now takes a string");
    return Value::string(format_time(*argument.text(), options_.now));
  }

  const Dict& context_;
  const RenderOptions& options_;
  Budget budget_;
  std::vector<Scope> scopes_;
  std::vector<std::shared_ptr<Namespace>> namespaces_;
  std::string out_;
  size_t line_ = 1;
};

}  // namespace

std::string render(const Block& block, const Value& context, const RenderOptions& options) {
  const auto* variables = context.as<Dict>();
  if (variables == nullptr) fail(ErrorKind::kInput, "the context is not an object");
  return Interpreter(*variables, options).run(block);
}

}  // namespace proxima::jinja
