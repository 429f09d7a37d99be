// SPDX-License-Identifier: MIT
// The values of chat templates: Python's, as far as templates see them. Containers are shared and immutable once built
// (a namespace is the exception), so that copies are cheap.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace proxima::jinja {

// What went wrong while a template ran; the interpreter adds the line and makes it an Error.
struct Problem {
  std::string message;
};

template <class... Args>
[[noreturn]] void problem(fmt::format_string<Args...> format, Args&&... args) {
  throw Problem{fmt::format(format, std::forward<Args>(args)...)};
}

// Bounds time and memory of a hostile template: every step and every byte made or looked at is charged.
class Budget {
 public:
  explicit Budget(size_t limit) : left_(limit) {}
  void charge(size_t amount) {
    if (amount > left_) problem("the template does more work than it may: it loops or grows without end");
    left_ -= amount;
  }

 private:
  size_t left_;
};

constexpr size_t kMaxValueDepth = 100;

struct None {};
struct Undefined {
  std::shared_ptr<const std::string> reason;  // the message of the UndefinedError it may become
};
struct BigInteger {
  std::shared_ptr<const std::string> digits;  // beyond 64 bits: passed through, no arithmetic
};
struct Function {};  // a global like strftime_now that is named, not called: defined, and no more
struct List;
struct Tuple;
struct Dict;
struct Iterator;
struct Namespace;
struct Loop;

class Value {
 public:
  using Variant =
      std::variant<Undefined, None, bool, int64_t, BigInteger, double, std::shared_ptr<const std::string>,
                   std::shared_ptr<const List>, std::shared_ptr<const Tuple>, std::shared_ptr<const Dict>,
                   std::shared_ptr<Iterator>, std::shared_ptr<Namespace>, std::shared_ptr<const Loop>, Function>;

  Value() : value_(None{}) {}
  Value(Variant value) : value_(std::move(value)) {}
  static Value undefined(std::string reason) {
    return Variant(Undefined{std::make_shared<const std::string>(std::move(reason))});
  }
  static Value boolean(bool value) { return Variant(value); }
  static Value integer(int64_t value) { return Variant(value); }
  static Value string(std::string text) { return Variant(std::make_shared<const std::string>(std::move(text))); }

  template <class T>
  const T* get() const {
    return std::get_if<T>(&value_);
  }
  // The pointee, or nullptr where the value is something else.
  template <class T>
  const T* as() const {
    const auto* pointer = std::get_if<std::shared_ptr<const T>>(&value_);
    return pointer != nullptr ? pointer->get() : nullptr;
  }
  const std::string* text() const { return as<std::string>(); }
  bool is_undefined() const { return get<Undefined>() != nullptr; }
  bool is_none() const { return get<None>() != nullptr; }
  // Throws Problem where the value is undefined.
  void require_defined() const;
  const Variant& variant() const { return value_; }

 private:
  Variant value_;
};

struct Sequence {
  std::vector<Value> items;
  size_t depth = 1;
};
struct List : Sequence {};
struct Tuple : Sequence {};

// Keys are strings and keep their order.
struct Dict {
  std::vector<std::pair<std::string, Value>> items;
  std::map<std::string, size_t, std::less<>> index;
  size_t depth = 1;

  void set(std::string key, Value value);  // a key that is there keeps its place
  const Value* find(std::string_view key) const;
};

// What selectattr and its kin return: it can be walked once, and has no length and no elements to index.
struct Iterator {
  std::vector<Value> items;
  bool once = true;  // dict.items() may be walked again
  bool used = false;
};

struct Namespace {
  std::map<std::string, Value, std::less<>> attributes;
};

struct Loop {
  size_t index0 = 0;
  size_t length = 0;
};

// Throw Problem where nesting exceeds kMaxValueDepth.
Value make_list(std::vector<Value> items);
Value make_tuple(std::vector<Value> items);
Value make_dict(Dict dict);

std::string_view type_name(const Value& value);  // Python's: str, int, dict, ...
bool is_true(const Value& value);
bool equal(const Value& a, const Value& b, Budget& budget);
// a < b. Throws Problem where Python raises a TypeError.
bool less(const Value& a, const Value& b, Budget& budget);
// The numeric value of an int, float or bool.
bool as_number(const Value& value, double& number);
bool as_integer(const Value& value, int64_t& number);  // int or bool

// The elements a loop walks over. Throws Problem where the value cannot be iterated over.
std::vector<Value> iterate(const Value& value, Budget& budget);

}  // namespace proxima::jinja
