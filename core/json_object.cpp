// SPDX-License-Identifier: MIT
#include "core/json_object.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "core/error.h"
#include "core/quote.h"

namespace proxima {

namespace {

std::string shown(const nlohmann::json& value) {
  return quote(value.dump(-1, ' ', true));
}

}  // namespace

JsonObject::JsonObject(const nlohmann::json& value, std::string where) : value_(&value), where_(std::move(where)) {
  if (!value.is_object()) fail(ErrorKind::kInput, "{}: must be a JSON object, not {}", where_, value.type_name());
}

const nlohmann::json* JsonObject::find(std::string_view key) {
  read_.emplace(key);
  const auto found = value_->find(key);
  return found == value_->end() || found->is_null() ? nullptr : &*found;
}

bool JsonObject::has(std::string_view key) const {
  return value_->contains(key);
}

std::optional<size_t> JsonObject::find_size(std::string_view key) {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_unsigned()) fail_at(key, "must be a whole number, not " + shown(*value));
  return value->get<size_t>();
}

std::optional<double> JsonObject::find_number(std::string_view key) {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) fail_at(key, "must be a number, not " + shown(*value));
  return value->get<double>();
}

std::optional<bool> JsonObject::find_bool(std::string_view key) {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) fail_at(key, "must be true or false, not " + shown(*value));
  return value->get<bool>();
}

std::optional<std::string> JsonObject::find_text(std::string_view key) {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) fail_at(key, "must be a string, not " + shown(*value));
  return value->get<std::string>();
}

size_t JsonObject::size(std::string_view key) {
  if (const auto value = find_size(key)) return *value;
  fail_at(key, "is missing");
}

double JsonObject::number(std::string_view key) {
  if (const auto value = find_number(key)) return *value;
  fail_at(key, "is missing");
}

std::string JsonObject::text(std::string_view key) {
  if (auto value = find_text(key)) return *std::move(value);
  fail_at(key, "is missing");
}

std::vector<std::string> JsonObject::unread() const {
  std::vector<std::string> keys;
  for (const auto& [key, ignored] : value_->items()) {
    if (!read_.contains(key)) keys.push_back(key);
  }
  return keys;
}

void JsonObject::fail_at(std::string_view key, std::string_view problem) const {
  fail(ErrorKind::kInput, "{}: {} {}", where_, quote(key), problem);
}

}  // namespace proxima
