// SPDX-License-Identifier: MIT
#include "model/jinja_builtins.h"

#include <algorithm>

#include "core/quote.h"
#include "model/jinja_strings.h"
#include "model/jinja_text.h"
#include "model/utf8.h"

namespace proxima::jinja {
namespace {

constexpr int64_t kMaxIndent = 64;

void require_counts(std::string_view name, const Arguments& arguments, size_t least, size_t most) {
  if (!arguments.named.empty()) problem("a named argument of the filter '{}' is not supported", name);
  const size_t n = arguments.positional.size();
  if (n < least || n > most) problem("the filter '{}' cannot take {} arguments here", name, n);
}

Value length_of(const Value& value) {
  size_t length = 0;
  if (const auto* text = value.text()) {
    length = count_code_points(*text);
  } else if (const auto* list = value.as<List>()) {
    length = list->items.size();
  } else if (const auto* tuple = value.as<Tuple>()) {
    length = tuple->items.size();
  } else if (const auto* dict = value.as<Dict>()) {
    length = dict->items.size();
  } else if (!value.is_undefined()) {
    problem("a value of type {} has no length", type_name(value));
  }
  return Value::integer(static_cast<int64_t>(length));
}

Value json_of(const Value& value, const Arguments& arguments, Budget& budget) {
  if (!arguments.positional.empty()) problem("a positional argument of the filter 'tojson' is not supported");
  int64_t indent = -1;
  for (const auto& [name, argument] : arguments.named) {
    if (name != "indent") problem("the argument '{}' of the filter 'tojson' is not supported", name);
    if (argument.is_none()) continue;
    if (!as_integer(argument, indent) || indent < 0 || indent > kMaxIndent) {
      problem("the indent of the filter 'tojson' must be from 0 to {}", kMaxIndent);
    }
  }
  return Value::string(to_json(value, static_cast<int>(indent), budget));
}

Value join(const Value& value, const Arguments& arguments, Budget& budget) {
  require_counts("join", arguments, 0, 1);
  const std::string separator = arguments.positional.empty() ? "" : to_text(arguments.positional[0], budget);
  std::string out;
  bool first = true;
  for (const Value& item : iterate(value, budget)) {
    if (!first) out += separator;
    first = false;
    out += to_text(item, budget);
    budget.charge(separator.size());
  }
  return Value::string(std::move(out));
}

Value items_of(const Value& value, bool once, Budget& budget) {
  auto iterator = std::make_shared<Iterator>();
  iterator->once = once;
  if (const auto* dict = value.as<Dict>()) {
    for (const auto& [key, item] : dict->items) iterator->items.push_back(make_tuple({Value::string(key), item}));
    budget.charge(8 * dict->items.size());
  } else if (!value.is_undefined()) {
    problem("only a mapping has items, not a value of type {}", type_name(value));
  }
  return Value::Variant(std::move(iterator));
}

// a.b.0: the path of selectattr.
Value follow_path(Value value, std::string_view path, Budget& budget) {
  while (true) {
    const size_t dot = path.find('.');
    const std::string_view part = path.substr(0, dot);
    if (!part.empty() && part.find_first_not_of("0123456789") == part.npos) {
      problem("an index in the attribute {} is not supported", quote(path));
    }
    value = get_item(value, Value::string(std::string(part)), budget);
    if (dot == path.npos) return value;
    path.remove_prefix(dot + 1);
  }
}

// selectattr('role', 'equalto', 'user'), rejectattr(...), reject('equalto', 'x').
Value choose(std::string_view name, const Value& value, const Arguments& arguments, Budget& budget) {
  const bool by_attribute = name != "reject";
  const bool keep = name == "selectattr";
  require_counts(name, arguments, by_attribute ? 1 : 0, by_attribute ? 3 : 2);
  std::vector<Value> rest = arguments.positional;
  std::string path;
  if (by_attribute) {
    if (rest[0].text() == nullptr) problem("the attribute of the filter '{}' must be a string", name);
    path = *rest[0].text();
    rest.erase(rest.begin());
  }
  std::string test;
  if (!rest.empty()) {
    if (rest[0].text() == nullptr || !is_test(*rest[0].text()))
      problem("the test of the filter '{}' is not supported", name);
    test = *rest[0].text();
    rest.erase(rest.begin());
    if (rest.size() != n_test_arguments(test))
      problem("the test '{}' takes {} arguments", test, n_test_arguments(test));
  }
  auto iterator = std::make_shared<Iterator>();
  if (!is_true(value)) return Value::Variant(std::move(iterator));  // even what cannot be iterated over, like none
  for (const Value& item : iterate(value, budget)) {
    const Value subject = by_attribute ? follow_path(item, path, budget) : item;
    const bool passes = test.empty() ? is_true(subject) : apply_test(test, subject, rest, budget);
    if (passes == keep) iterator->items.push_back(item);
  }
  return Value::Variant(std::move(iterator));
}

constexpr std::string_view kFilters[] = {"trim",  "length", "tojson",     "list",       "string",
                                         "items", "join",   "selectattr", "rejectattr", "reject"};
constexpr std::string_view kTests[] = {"defined", "undefined", "none",  "string",
                                       "mapping", "iterable",  "false", "equalto"};
constexpr std::string_view kMethods[] = {"strip", "lstrip", "rstrip", "split", "startswith", "endswith", "items"};

template <size_t n>
bool is_among(std::string_view name, const std::string_view (&names)[n]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace

bool is_filter(std::string_view name) {
  return is_among(name, kFilters);
}
bool is_test(std::string_view name) {
  return is_among(name, kTests);
}
bool is_method(std::string_view name) {
  return is_among(name, kMethods);
}
size_t n_test_arguments(std::string_view name) {
  return name == "equalto" ? 1 : 0;
}

Value apply_filter(std::string_view name, const Value& value, const Arguments& arguments, Budget& budget) {
  if (name == "tojson") return json_of(value, arguments, budget);
  if (name == "join") return join(value, arguments, budget);
  if (name == "selectattr" || name == "rejectattr" || name == "reject") return choose(name, value, arguments, budget);
  require_counts(name, arguments, 0, name == "trim" ? 1 : 0);
  if (name == "trim") {
    const Value text = Value::string(to_text(value, budget));
    return Value::string(strip(*text.text(), arguments.positional, Side::kBoth));
  }
  if (name == "length") return length_of(value);
  if (name == "list") return make_list(iterate(value, budget));
  if (name == "string") return value.text() != nullptr ? value : Value::string(to_text(value, budget));
  return items_of(value, true, budget);
}

bool apply_test(std::string_view name, const Value& value, const std::vector<Value>& arguments, Budget& budget) {
  if (name == "defined") return !value.is_undefined();
  if (name == "undefined") return value.is_undefined();
  if (name == "none") return value.is_none();
  if (name == "string") return value.text() != nullptr;
  if (name == "mapping") return value.as<Dict>() != nullptr;
  if (name == "false") return value.get<bool>() != nullptr && !*value.get<bool>();
  if (name == "equalto") return equal(value, arguments[0], budget);
  double number = 0;
  return !value.is_none() && !as_number(value, number) && value.get<BigInteger>() == nullptr &&
         value.get<std::shared_ptr<Namespace>>() == nullptr && value.get<Function>() == nullptr;
}

Value call_method(std::string_view name, const Value& object, const std::vector<Value>& arguments, Budget& budget) {
  object.require_defined();
  if (name == "items" && object.as<Dict>() != nullptr) {
    if (!arguments.empty()) problem("items() takes no argument");
    return items_of(object, false, budget);
  }
  if (name == "items" || object.text() == nullptr)
    problem("a value of type {} has no method '{}'", type_name(object), name);
  const std::string& text = *object.text();
  budget.charge(text.size());
  if (name == "split") return make_list(split(text, arguments, budget));
  if (name == "strip") return Value::string(strip(text, arguments, Side::kBoth));
  if (name == "lstrip") return Value::string(strip(text, arguments, Side::kLeft));
  if (name == "rstrip") return Value::string(strip(text, arguments, Side::kRight));
  if (arguments.size() != 1 || arguments[0].text() == nullptr) problem("'{}' takes one string here", name);
  return Value::boolean(name == "startswith" ? text.starts_with(*arguments[0].text())
                                             : text.ends_with(*arguments[0].text()));
}

}  // namespace proxima::jinja
