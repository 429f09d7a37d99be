// SPDX-License-Identifier: MIT
// One JSON object read key by key: each accessor checks the type, remembers that the key was read, and takes null for
// absent. What nobody asked for is left in unread(), so that a key can be ignored only on purpose.
// Every failure is an Error(kInput) that names the file and the key. The json value must outlive the object.
#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace proxima {

class JsonObject {
 public:
  // `where` begins every message: the path, for an inner object also its key.
  JsonObject(const nlohmann::json& value, std::string where);

  const nlohmann::json* find(std::string_view key);  // null pointer where the key is absent or null
  bool has(std::string_view key) const;              // true for null too; does not count as reading
  std::optional<size_t> find_size(std::string_view key);
  std::optional<double> find_number(std::string_view key);  // finite
  std::optional<bool> find_bool(std::string_view key);
  std::optional<std::string> find_text(std::string_view key);

  size_t size(std::string_view key);
  double number(std::string_view key);
  std::string text(std::string_view key);

  std::vector<std::string> unread() const;
  const std::string& where() const { return where_; }

  // "<where>: "key" <problem>"
  [[noreturn]] void fail_at(std::string_view key, std::string_view problem) const;

 private:
  const nlohmann::json* value_;
  std::string where_;
  std::set<std::string, std::less<>> read_;
};

}  // namespace proxima
