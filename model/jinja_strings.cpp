// SPDX-License-Identifier: MIT
#include "model/jinja_strings.h"

#include <set>

#include "model/utf8.h"

namespace proxima::jinja {
namespace {

// The one optional string argument, or nullptr for white space.
const std::string* optional_text(const std::vector<Value>& arguments, std::string_view name) {
  if (arguments.size() > 1) problem("'{}' takes one argument here", name);
  if (arguments.empty() || arguments[0].is_none()) return nullptr;
  if (arguments[0].text() == nullptr)
    problem("'{}' takes a string, not a value of type {}", name, type_name(arguments[0]));
  return arguments[0].text();
}

}  // namespace

std::string strip(std::string_view text, const std::vector<Value>& arguments, Side side) {
  const std::string* characters = optional_text(arguments, "strip");
  std::set<char32_t> set;
  for (size_t pos = 0; characters != nullptr && pos < characters->size();) {
    const CodePoint point = code_point_at(*characters, pos);
    set.insert(point.value);
    pos += point.n_bytes;
  }
  const auto goes = [&](char32_t value) {
    return characters == nullptr ? is_python_space(value) : set.contains(value);
  };
  while (side != Side::kRight && !text.empty()) {
    const CodePoint point = code_point_at(text, 0);
    if (!goes(point.value)) break;
    text.remove_prefix(point.n_bytes);
  }
  while (side != Side::kLeft && !text.empty()) {
    const CodePoint point = code_point_before(text, text.size());
    if (!goes(point.value)) break;
    text.remove_suffix(point.n_bytes);
  }
  return std::string(text);
}

std::vector<Value> split(std::string_view text, const std::vector<Value>& arguments, Budget& budget) {
  std::vector<Value> parts;
  const auto push = [&](size_t begin, size_t end) {
    budget.charge(64);
    parts.push_back(Value::string(std::string(text.substr(begin, end - begin))));
  };
  if (const std::string* separator = optional_text(arguments, "split")) {
    if (separator->empty()) problem("'split' needs a separator that is not empty");
    size_t begin = 0;
    for (size_t found = text.find(*separator); found != text.npos; found = text.find(*separator, begin)) {
      push(begin, found);
      begin = found + separator->size();
    }
    push(begin, text.size());
    return parts;
  }
  size_t begin = text.npos;  // of the word that is open
  for (size_t pos = 0; pos < text.size();) {
    const CodePoint point = code_point_at(text, pos);
    const bool space = is_python_space(point.value);
    if (space && begin != text.npos) push(begin, pos);
    if (space) begin = text.npos;
    if (!space && begin == text.npos) begin = pos;
    pos += point.n_bytes;
  }
  if (begin != text.npos) push(begin, text.size());
  return parts;
}

}  // namespace proxima::jinja
