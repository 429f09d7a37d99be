// SPDX-License-Identifier: MIT
// Python's string methods as templates call them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/jinja_value.h"

namespace proxima::jinja {

enum class Side { kLeft, kRight, kBoth };

// arguments: nothing or None for white space, or one string of characters to strip.
std::string strip(std::string_view text, const std::vector<Value>& arguments, Side side);
// arguments: nothing or None to split at runs of white space, or the separator.
std::vector<Value> split(std::string_view text, const std::vector<Value>& arguments, Budget& budget);

}  // namespace proxima::jinja
