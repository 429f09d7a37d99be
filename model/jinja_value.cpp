// SPDX-License-Identifier: MIT
#include "model/jinja_value.h"

#include <algorithm>

#include "model/utf8.h"

namespace proxima::jinja {
namespace {

size_t depth_of(const Value& value) {
  if (const auto* list = value.as<List>()) return list->depth;
  if (const auto* tuple = value.as<Tuple>()) return tuple->depth;
  if (const auto* dict = value.as<Dict>()) return dict->depth;
  return 0;
}

size_t depth_above(size_t depth, const Value& item) {
  const size_t result = std::max(depth, depth_of(item) + 1);
  if (result > kMaxValueDepth) problem("values are nested deeper than {} levels", kMaxValueDepth);
  return result;
}

template <class T>
std::shared_ptr<const T> make_sequence(std::vector<Value> items) {
  auto sequence = std::make_shared<T>();
  for (const Value& item : items) sequence->depth = depth_above(sequence->depth, item);
  sequence->items = std::move(items);
  return sequence;
}

const Sequence* as_sequence(const Value& value) {
  if (const auto* list = value.as<List>()) return list;
  return value.as<Tuple>();
}

bool equal_items(const std::vector<Value>& a, const std::vector<Value>& b, Budget& budget) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](const Value& left, const Value& right) { return equal(left, right, budget); });
}

bool equal_dicts(const Dict& a, const Dict& b, Budget& budget) {
  if (a.items.size() != b.items.size()) return false;
  return std::all_of(a.items.begin(), a.items.end(), [&](const auto& item) {
    const Value* other = b.find(item.first);
    return other != nullptr && equal(item.second, *other, budget);
  });
}

}  // namespace

void Value::require_defined() const {
  if (const auto* undefined = get<Undefined>()) throw Problem{*undefined->reason};
}

void Dict::set(std::string key, Value value) {
  depth = depth_above(depth, value);
  const auto [place, is_new] = index.emplace(key, items.size());
  if (is_new) {
    items.emplace_back(std::move(key), std::move(value));
  } else {
    items[place->second].second = std::move(value);
  }
}

const Value* Dict::find(std::string_view key) const {
  const auto found = index.find(key);
  return found == index.end() ? nullptr : &items[found->second].second;
}

Value make_list(std::vector<Value> items) {
  return Value::Variant(make_sequence<List>(std::move(items)));
}
Value make_tuple(std::vector<Value> items) {
  return Value::Variant(make_sequence<Tuple>(std::move(items)));
}
Value make_dict(Dict dict) {
  return Value::Variant(std::make_shared<const Dict>(std::move(dict)));
}

std::string_view type_name(const Value& value) {
  static constexpr std::string_view kNames[] = {"undefined", "None",      "bool", "int",     "int",
                                                "float",     "str",       "list", "tuple",   "dict",
                                                "iterator",  "namespace", "loop", "function"};
  return kNames[value.variant().index()];
}

bool is_true(const Value& value) {
  if (value.is_undefined() || value.is_none()) return false;
  double number = 0;
  if (as_number(value, number)) return number != 0;
  if (const auto* text = value.text()) return !text->empty();
  if (const auto* sequence = as_sequence(value)) return !sequence->items.empty();
  if (const auto* dict = value.as<Dict>()) return !dict->items.empty();
  return true;
}

bool as_integer(const Value& value, int64_t& number) {
  if (const auto* integer = value.get<int64_t>()) {
    number = *integer;
  } else if (const auto* boolean = value.get<bool>()) {
    number = *boolean ? 1 : 0;
  } else {
    return false;
  }
  return true;
}

bool as_number(const Value& value, double& number) {
  int64_t integer = 0;
  if (as_integer(value, integer)) {
    number = static_cast<double>(integer);
    return true;
  }
  if (const auto* real = value.get<double>()) number = *real;
  return value.get<double>() != nullptr;
}

bool equal(const Value& a, const Value& b, Budget& budget) {
  budget.charge(1);
  int64_t integer_a = 0;
  int64_t integer_b = 0;
  if (as_integer(a, integer_a) && as_integer(b, integer_b)) return integer_a == integer_b;
  double number_a = 0;
  double number_b = 0;
  if (as_number(a, number_a) && as_number(b, number_b)) return number_a == number_b;
  if (a.variant().index() != b.variant().index()) return false;
  if (a.is_undefined() || a.is_none()) return true;
  if (a.get<Function>() != nullptr) problem("functions cannot be compared");
  if (const auto* text = a.text()) {
    budget.charge(text->size());
    return *text == *b.text();
  }
  if (const auto* sequence = as_sequence(a)) return equal_items(sequence->items, as_sequence(b)->items, budget);
  if (const auto* dict = a.as<Dict>()) return equal_dicts(*dict, *b.as<Dict>(), budget);
  if (const auto* big = a.get<BigInteger>()) return *big->digits == *b.get<BigInteger>()->digits;
  if (const auto* iterator = a.get<std::shared_ptr<Iterator>>())
    return *iterator == *b.get<std::shared_ptr<Iterator>>();
  if (const auto* space = a.get<std::shared_ptr<Namespace>>()) return *space == *b.get<std::shared_ptr<Namespace>>();
  return a.as<Loop>() == b.as<Loop>();
}

bool less(const Value& a, const Value& b, Budget& budget) {
  a.require_defined();
  b.require_defined();
  int64_t integer_a = 0;
  int64_t integer_b = 0;
  if (as_integer(a, integer_a) && as_integer(b, integer_b)) return integer_a < integer_b;
  double number_a = 0;
  double number_b = 0;
  if (as_number(a, number_a) && as_number(b, number_b)) return number_a < number_b;
  if (a.text() == nullptr || b.text() == nullptr) problem("{} and {} cannot be ordered", type_name(a), type_name(b));
  budget.charge(a.text()->size());
  return *a.text() < *b.text();  // UTF-8 sorts as its code points do
}

std::vector<Value> iterate(const Value& value, Budget& budget) {
  std::vector<Value> items;
  if (value.is_undefined()) return items;
  if (const auto* sequence = as_sequence(value)) {
    items = sequence->items;
  } else if (const auto* dict = value.as<Dict>()) {
    for (const auto& [key, unused] : dict->items) items.push_back(Value::string(key));
  } else if (const auto* text = value.text()) {
    budget.charge(16 * text->size());
    for (size_t pos = 0; pos < text->size();) {
      const size_t n_bytes = code_point_at(*text, pos).n_bytes;
      items.push_back(Value::string(text->substr(pos, n_bytes)));
      pos += n_bytes;
    }
  } else if (const auto* iterator = value.get<std::shared_ptr<Iterator>>()) {
    if (!(*iterator)->used) items = (*iterator)->items;
    (*iterator)->used = (*iterator)->once;
  } else {
    problem("a value of type {} cannot be iterated over", type_name(value));
  }
  budget.charge(4 * items.size());
  return items;
}

}  // namespace proxima::jinja
