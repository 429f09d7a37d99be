// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>

#include "model/jinja_builtins.h"

namespace proxima::jinja {
namespace {

[[noreturn]] void refuse(std::string_view operation, const Value& a, const Value& b) {
  a.require_defined();
  b.require_defined();
  for (const Value* value : {&a, &b}) {
    if (value->get<BigInteger>() != nullptr) problem("calculating with an integer beyond 64 bits is not supported");
  }
  problem("'{}' is not possible between {} and {}", operation, type_name(a), type_name(b));
}

int64_t checked(bool overflow, int64_t result) {
  if (overflow) problem("an integer beyond 64 bits");
  return result;
}

template <class T>
const T* both(const Value& a, const Value& b) {
  return a.as<T>() != nullptr ? b.as<T>() : nullptr;
}

template <class T>
std::vector<Value> concatenate(const Value& a, const Value& b, Budget& budget) {
  std::vector<Value> items = a.as<T>()->items;
  const auto& more = b.as<T>()->items;
  budget.charge(16 * (items.size() + more.size()));
  items.insert(items.end(), more.begin(), more.end());
  return items;
}

}  // namespace

Value add(const Value& a, const Value& b, Budget& budget) {
  if (both<std::string>(a, b) != nullptr) {
    budget.charge(a.text()->size() + b.text()->size());
    return Value::string(*a.text() + *b.text());
  }
  int64_t x = 0;
  int64_t y = 0;
  if (as_integer(a, x) && as_integer(b, y)) {
    int64_t sum = 0;
    const bool overflow = __builtin_add_overflow(x, y, &sum);
    return Value::integer(checked(overflow, sum));
  }
  double u = 0;
  double v = 0;
  if (as_number(a, u) && as_number(b, v)) return Value::Variant(u + v);
  if (both<List>(a, b) != nullptr) return make_list(concatenate<List>(a, b, budget));
  if (both<Tuple>(a, b) != nullptr) return make_tuple(concatenate<Tuple>(a, b, budget));
  refuse("+", a, b);
}

Value subtract(const Value& a, const Value& b) {
  int64_t x = 0;
  int64_t y = 0;
  if (as_integer(a, x) && as_integer(b, y)) {
    int64_t difference = 0;
    const bool overflow = __builtin_sub_overflow(x, y, &difference);
    return Value::integer(checked(overflow, difference));
  }
  double u = 0;
  double v = 0;
  if (as_number(a, u) && as_number(b, v)) return Value::Variant(u - v);
  refuse("-", a, b);
}

// Python's: the result has the sign of the divisor.
Value modulo(const Value& a, const Value& b) {
  int64_t x = 0;
  int64_t y = 0;
  if (as_integer(a, x) && as_integer(b, y)) {
    if (y == 0) problem("modulo by zero");
    if (y == -1) return Value::integer(0);  // the one quotient that would overflow
    const int64_t rest = x % y;
    return Value::integer(rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest);
  }
  double u = 0;
  double v = 0;
  if (as_number(a, u) && as_number(b, v)) {
    if (v == 0) problem("modulo by zero");
    const double rest = std::fmod(u, v);
    return Value::Variant(rest != 0 && (rest < 0) != (v < 0) ? rest + v : rest);
  }
  if (a.text() != nullptr) problem("formatting with '%' is not supported");
  refuse("%", a, b);
}

Value negate(const Value& value) {
  value.require_defined();
  int64_t number = 0;
  if (as_integer(value, number)) {
    int64_t negative = 0;
    const bool overflow = __builtin_sub_overflow(int64_t{0}, number, &negative);
    return Value::integer(checked(overflow, negative));
  }
  if (const auto* real = value.get<double>()) return Value::Variant(-*real);
  problem("a value of type {} has no negative", type_name(value));
}

bool contains(const Value& container, const Value& item, Budget& budget) {
  if (const auto* text = container.text()) {
    if (item.text() == nullptr) problem("only a string can be 'in' a string, not a value of type {}", type_name(item));
    budget.charge(text->size());
    return text->find(*item.text()) != text->npos;
  }
  if (const auto* dict = container.as<Dict>()) {
    if (item.as<List>() != nullptr || item.as<Dict>() != nullptr)
      problem("a value of type {} is no key", type_name(item));
    return item.text() != nullptr && dict->find(*item.text()) != nullptr;
  }
  const std::vector<Value> items = iterate(container, budget);
  return std::any_of(items.begin(), items.end(), [&](const Value& other) { return equal(other, item, budget); });
}

}  // namespace proxima::jinja
