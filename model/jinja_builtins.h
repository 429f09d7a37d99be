// SPDX-License-Identifier: MIT
// Filters, tests and methods of chat templates: exactly those that the supported families use.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/jinja_value.h"

namespace proxima::jinja {

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

bool is_filter(std::string_view name);
bool is_test(std::string_view name);
bool is_method(std::string_view name);
// How many arguments a test takes: 0 or 1.
size_t n_test_arguments(std::string_view name);

// Throw Problem where Jinja raises an error, or an argument is outside the subset.
Value apply_filter(std::string_view name, const Value& value, const Arguments& arguments, Budget& budget);
bool apply_test(std::string_view name, const Value& value, const std::vector<Value>& arguments, Budget& budget);
Value call_method(std::string_view name, const Value& object, const std::vector<Value>& arguments, Budget& budget);

// object.name and object['name'] as Jinja looks them up; a method that is not called is a Problem.
Value get_attribute(const Value& object, std::string_view name);
Value get_item(const Value& object, const Value& key, Budget& budget);
struct SliceBounds {
  Value start, stop, step;  // None where absent
};
Value get_slice(const Value& object, const SliceBounds& bounds, Budget& budget);

Value add(const Value& a, const Value& b, Budget& budget);
Value subtract(const Value& a, const Value& b);
Value modulo(const Value& a, const Value& b);
Value negate(const Value& value);
bool contains(const Value& container, const Value& item, Budget& budget);

}  // namespace proxima::jinja
