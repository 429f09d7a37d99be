// SPDX-License-Identifier: MIT
#include <algorithm>

#include "core/quote.h"
#include "model/jinja_builtins.h"
#include "model/utf8.h"

namespace proxima::jinja {
namespace {

// Methods and attributes of Python's types. Jinja finds them before a key of the same name, so that neither answer
// (the key, or undefined) would be right.
constexpr std::string_view kDictMethods[] = {"clear", "copy",    "fromkeys",   "get",    "items", "keys",
                                             "pop",   "popitem", "setdefault", "update", "values"};
constexpr std::string_view kListMethods[] = {"append", "clear", "copy",   "count",   "extend", "index",
                                             "insert", "pop",   "remove", "reverse", "sort"};
constexpr std::string_view kTextMethods[] = {
    "capitalize",   "casefold",   "center",    "count",       "encode",    "endswith",     "expandtabs",   "find",
    "format",       "format_map", "index",     "isalnum",     "isalpha",   "isascii",      "isdecimal",    "isdigit",
    "isidentifier", "islower",    "isnumeric", "isprintable", "isspace",   "istitle",      "isupper",      "join",
    "ljust",        "lower",      "lstrip",    "maketrans",   "partition", "removeprefix", "removesuffix", "replace",
    "rfind",        "rindex",     "rjust",     "rpartition",  "rsplit",    "rstrip",       "split",        "splitlines",
    "startswith",   "strip",      "swapcase",  "title",       "translate", "upper",        "zfill"};
constexpr std::string_view kNumberMethods[] = {
    "as_integer_ratio", "bit_count", "bit_length", "conjugate", "denominator", "from_bytes", "fromhex", "hex", "imag",
    "is_integer",       "numerator", "real",       "to_bytes"};

template <size_t n>
bool is_among(std::string_view name, const std::string_view (&names)[n]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool is_python_attribute(const Value& object, std::string_view name) {
  if (name.starts_with("__")) return true;
  if (object.as<Dict>() != nullptr) return is_among(name, kDictMethods);
  if (object.text() != nullptr) return is_among(name, kTextMethods);
  if (object.as<List>() != nullptr) return is_among(name, kListMethods);
  if (object.as<Tuple>() != nullptr) return name == "count" || name == "index";
  double number = 0;
  return (as_number(object, number) || object.get<BigInteger>() != nullptr) && is_among(name, kNumberMethods);
}

Value loop_attribute(const Loop& loop, std::string_view name) {
  if (name == "first") return Value::boolean(loop.index0 == 0);
  if (name == "last") return Value::boolean(loop.index0 + 1 == loop.length);
  if (name == "index0") return Value::integer(static_cast<int64_t>(loop.index0));
  problem("'loop.{}' is not supported", name);
}

// What getattr() finds on the object itself.
const Value* find_attribute(const Value& object, std::string_view name, Value& storage) {
  if (const auto* space = object.get<std::shared_ptr<Namespace>>()) {
    const auto found = (*space)->attributes.find(name);
    return found == (*space)->attributes.end() ? nullptr : &found->second;
  }
  if (const auto* loop = object.as<Loop>()) {
    storage = loop_attribute(*loop, name);
    return &storage;
  }
  if (is_python_attribute(object, name)) {
    problem("the attribute {} of a value of type {} is not supported", quote(name), type_name(object));
  }
  return nullptr;
}

Value missing(const Value& object, std::string_view name) {
  return Value::undefined(fmt::format("'{}' has no attribute {}", type_name(object), quote(name)));
}

const std::vector<Value>* items_of(const Value& value) {
  if (const auto* list = value.as<List>()) return &list->items;
  const auto* tuple = value.as<Tuple>();
  return tuple != nullptr ? &tuple->items : nullptr;
}

struct Range {
  int64_t start, stop, step;
};

// Python's slice.indices().
Range resolve(const SliceBounds& bounds, size_t length) {
  const auto n = static_cast<int64_t>(length);
  Range range{0, 0, 1};
  const auto read = [](const Value& value, int64_t& number) {
    if (value.is_none()) return false;
    value.require_defined();
    if (!as_integer(value, number)) problem("a slice needs integers, not a value of type {}", type_name(value));
    return true;
  };
  read(bounds.step, range.step);
  if (range.step == 0) problem("the step of a slice is zero");
  const bool backward = range.step < 0;
  const int64_t lowest = backward ? -1 : 0;
  const int64_t highest = backward ? n - 1 : n;
  const auto clamp = [&](int64_t number) {
    if (number < 0) number = number < -n ? lowest : number + n;
    return std::clamp(number, lowest, std::max(highest, lowest));
  };
  range.start = read(bounds.start, range.start) ? clamp(range.start) : backward ? highest : lowest;
  range.stop = read(bounds.stop, range.stop) ? clamp(range.stop) : backward ? lowest : highest;
  return range;
}

template <class Visit>
void walk(const Range& range, const Visit& visit) {
  int64_t pos = range.start;
  while (range.step > 0 ? pos < range.stop : pos > range.stop) {
    visit(static_cast<size_t>(pos));
    if (__builtin_add_overflow(pos, range.step, &pos)) return;
  }
}

}  // namespace

Value get_attribute(const Value& object, std::string_view name) {
  object.require_defined();
  Value storage;
  if (const Value* found = find_attribute(object, name, storage)) return *found;
  const auto* dict = object.as<Dict>();
  const Value* item = dict != nullptr ? dict->find(name) : nullptr;
  return item != nullptr ? *item : missing(object, name);
}

Value get_item(const Value& object, const Value& key, Budget& budget) {
  object.require_defined();
  int64_t index = 0;
  if (const auto* name = key.text()) {
    const auto* dict = object.as<Dict>();
    if (const Value* item = dict != nullptr ? dict->find(*name) : nullptr) return *item;
    Value storage;
    const Value* found = find_attribute(object, *name, storage);
    return found != nullptr ? *found : missing(object, *name);
  }
  const auto* items = items_of(object);
  const auto* text = object.text();
  if (as_integer(key, index) && (items != nullptr || text != nullptr)) {
    budget.charge(text != nullptr ? text->size() : 0);
    const auto length = static_cast<int64_t>(items != nullptr ? items->size() : count_code_points(*text));
    if (index < 0) index += length;
    if (index >= 0 && index < length) {
      if (items != nullptr) return (*items)[static_cast<size_t>(index)];
      const size_t begin = offset_of_code_point(*text, static_cast<size_t>(index));
      return Value::string(text->substr(begin, code_point_at(*text, begin).n_bytes));
    }
  }
  return Value::undefined(as_integer(key, index) ? fmt::format("'{}' has no element {}", type_name(object), index)
                                                 : fmt::format("'{}' has no such element", type_name(object)));
}

Value get_slice(const Value& object, const SliceBounds& bounds, Budget& budget) {
  object.require_defined();
  if (const auto* text = object.text()) {
    std::vector<std::string_view> characters;
    budget.charge(16 * text->size());
    for (size_t pos = 0; pos < text->size();) {
      const size_t n_bytes = code_point_at(*text, pos).n_bytes;
      characters.push_back(std::string_view(*text).substr(pos, n_bytes));
      pos += n_bytes;
    }
    std::string out;
    walk(resolve(bounds, characters.size()), [&](size_t pos) { out += characters[pos]; });
    return Value::string(std::move(out));
  }
  const auto* items = items_of(object);
  if (items == nullptr) problem("a value of type {} cannot be sliced", type_name(object));
  std::vector<Value> out;
  walk(resolve(bounds, items->size()), [&](size_t pos) { out.push_back((*items)[pos]); });
  budget.charge(16 * out.size());
  return object.as<Tuple>() != nullptr ? make_tuple(std::move(out)) : make_list(std::move(out));
}

}  // namespace proxima::jinja
