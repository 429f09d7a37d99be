// SPDX-License-Identifier: MIT
// Lists of lengths and depths as users write them: "1k,2k,4k" or "1k:32k:1k", first:last:step.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace proxima {

// Ascending, distinct, at least 1; k stands for 1024. Throws Error(kUsage) naming the option.
std::vector<size_t> parse_lengths(const std::string& option, const std::string& text);

// Ascending, distinct, from 0 to 100. Throws Error(kUsage) naming the option.
std::vector<double> parse_depths(const std::string& option, const std::string& text);

}  // namespace proxima
