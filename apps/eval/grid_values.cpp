// SPDX-License-Identifier: MIT
#include "apps/eval/grid_values.h"

#include <algorithm>
#include <functional>

#include "apps/eval/words.h"
#include "apps/option_values.h"
#include "core/error.h"
#include "core/quote.h"

namespace proxima {
namespace {

constexpr size_t kMostValues = 10000;

double length_of(const std::string& option, const std::string& text) {
  const bool thousands = text.ends_with('k') || text.ends_with('K');
  const auto number = parse_count(option, thousands ? text.substr(0, text.size() - 1) : text, 1, kMaxCount / 1024);
  return static_cast<double>(number) * (thousands ? 1024 : 1);
}

double depth_of(const std::string& option, const std::string& text) {
  const double depth = parse_limit(option, text);
  if (depth > 100) fail(ErrorKind::kUsage, "{} takes depths in per cent, 0 to 100, not {}", option, quote(text));
  return depth;
}

using ParseOne = std::function<double(const std::string& option, const std::string& text)>;

std::vector<double> parse_values(const std::string& option, const std::string& text, const ParseOne& parse) {
  std::vector<double> values;
  const auto range = split_at(text, ':');
  if (range.size() == 1) {
    for (const std::string& each : split_at(text, ',')) values.push_back(parse(option, each));
  } else if (range.size() == 3) {
    const double first = parse(option, range[0]), last = parse(option, range[1]), step = parse(option, range[2]);
    if (step <= 0 || last < first || (last - first) / step > static_cast<double>(kMostValues)) {
      fail(ErrorKind::kUsage, "{} {}: a range is first:last:step, ascending", option, text);
    }
    for (size_t i = 0; first + static_cast<double>(i) * step <= last * (1 + 1e-12); ++i) {
      values.push_back(first + static_cast<double>(i) * step);
    }
  } else {
    fail(ErrorKind::kUsage, "{} takes a list as 1,2,3 or a range as first:last:step, not {}", option, quote(text));
  }
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

}  // namespace

std::vector<size_t> parse_lengths(const std::string& option, const std::string& text) {
  std::vector<size_t> lengths;
  for (const double value : parse_values(option, text, length_of)) lengths.push_back(static_cast<size_t>(value));
  return lengths;
}

std::vector<double> parse_depths(const std::string& option, const std::string& text) {
  return parse_values(option, text, depth_of);
}

}  // namespace proxima
