// SPDX-License-Identifier: MIT
// Strict access to the small parts of a tokenizer's JSON: what is not known is refused by name, never ignored.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>

#include "core/error.h"
#include "core/quote.h"

namespace proxima {

inline constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

// Json is nlohmann::json or its ordered twin; `where` names the object in messages.
template <class Json>
void refuse_unknown_keys(const Json& object, std::string_view where, std::initializer_list<std::string_view> known) {
  if (!object.is_object()) fail(ErrorKind::kInput, "{} is not an object", where);
  for (const auto& item : object.items()) {
    if (std::find(known.begin(), known.end(), item.key()) == known.end()) {
      fail(ErrorKind::kInput, "{} has the unsupported key {}", where, quote(item.key()));
    }
  }
}

template <class Json>
std::string string_at(const Json& object, std::string_view where, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string()) fail(ErrorKind::kInput, "{} needs the string '{}'", where, key);
  return found->template get<std::string>();
}

template <class Json>
bool bool_at(const Json& object, std::string_view where, const char* key, bool fallback) {
  const auto found = object.find(key);
  if (found == object.end()) return fallback;
  if (!found->is_boolean()) fail(ErrorKind::kInput, "{}: '{}' is not true or false", where, key);
  return found->template get<bool>();
}

// Refuses a value other than the one that is supported.
template <class Json>
void require_bool(const Json& object, std::string_view where, const char* key, bool supported) {
  if (bool_at(object, where, key, supported) != supported) {
    fail(ErrorKind::kInput, "{}: {} = {} is not supported", where, key, !supported);
  }
}

// The type of a component: a word.
template <class Json>
std::string type_of(const Json& component, std::string_view where) {
  if (!component.is_object()) fail(ErrorKind::kInput, "{} is not an object", where);
  const std::string type = string_at(component, where, "type");
  // It goes into messages.
  if (type.find_first_not_of(kLetters) != type.npos || type.size() > 64) {
    fail(ErrorKind::kInput, "{} has the unsupported type {}", where, quote(type));
  }
  return type;
}

}  // namespace proxima
