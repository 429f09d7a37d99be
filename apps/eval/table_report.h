// SPDX-License-Identifier: MIT
// The rows of `proxima eval table`, as JSON and as Markdown.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace proxima {

// A row: "cache", and for the parts that were measured "text" (summarize_windows() and its "settings") and "needle"
// ("score", "kv_bytes", "kv_dense_bytes", "prompt_per_second", "generate_per_second", "settings"). The first row is the
// dense cache; adds to each "kv_bytes", "saved", "prompt_per_second", "generate_per_second", and "drop": how far text
// ("ppl") and needle scores are below the dense ones, as shares of them.
void complete_rows(std::vector<nlohmann::ordered_json>& rows);

std::string table_markdown(const std::vector<nlohmann::ordered_json>& rows);

}  // namespace proxima
