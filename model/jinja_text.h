// SPDX-License-Identifier: MIT
// Template values as text: what {{ }} prints (Python's str), and JSON in both directions.
#pragma once

#include <string>
#include <string_view>

#include "model/jinja_value.h"

namespace proxima::jinja {

// Python's str(value). Throws Problem for values whose text is an address.
std::string to_text(const Value& value, Budget& budget);

// Python's json.dumps(value, ensure_ascii=False, indent=indent); a negative indent stands for None (one line).
std::string to_json(const Value& value, int indent, Budget& budget);

// Throws Error(kInput) where the JSON is damaged or too deep. A key that comes twice takes the later value.
Value from_json(std::string_view json);

}  // namespace proxima::jinja
