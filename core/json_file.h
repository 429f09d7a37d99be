// SPDX-License-Identifier: MIT
// Strict JSON: what the parser would let pass silently (a key twice, a NUL that ends the text early, nesting without
// bound) is an error here. Every error is an Error(kInput) of one line that begins with `where`.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace proxima {

nlohmann::json parse_json(std::string_view text, const std::string& where);

nlohmann::json read_json_file(const std::filesystem::path& path);

}  // namespace proxima
