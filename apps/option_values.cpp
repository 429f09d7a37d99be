// SPDX-License-Identifier: MIT
#include "apps/option_values.h"

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/error.h"
#include "core/quote.h"

namespace proxima {

uint64_t parse_count(std::string_view option, const std::string& text, uint64_t min, uint64_t max) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::result_out_of_range ||
      (error == std::errc() && stop == end && (value < min || value > max))) {
    fail(ErrorKind::kUsage, "{} {} is out of range: {} to {}", option, text, min, max);
  }
  if (error != std::errc() || stop != end) {
    fail(ErrorKind::kUsage, "{} takes a whole number, not {}", option, quote(text));
  }
  return value;
}

double parse_limit(std::string_view option, const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value) || value < 0) {
    fail(ErrorKind::kUsage, "{} takes a number from 0 on, not {}", option, quote(text));
  }
  return value;
}

std::string long_name(const std::string& names) {
  const size_t begin = names.find("--");
  if (begin == std::string::npos) return names;
  return names.substr(begin, names.find(',', begin) - begin);
}

CLI::Option* add_count(CLI::App& app, const std::string& names, size_t& value, const std::string& help,
                       CountRange range) {
  const auto set = [&value, name = long_name(names), range](const std::string& text) {
    value = parse_count(name, text, range.min, range.max);
  };
  return app.add_option_function<std::string>(names, set, help)->type_name("N")->default_str(std::to_string(value));
}

CLI::Option* add_count(CLI::App& app, const std::string& names, std::optional<size_t>& value, const std::string& help,
                       CountRange range) {
  const auto set = [&value, name = long_name(names), range](const std::string& text) {
    value = parse_count(name, text, range.min, range.max);
  };
  return app.add_option_function<std::string>(names, set, help)->type_name("N");
}

CLI::Option* add_limit(CLI::App& app, const std::string& names, double& value, const std::string& help) {
  const auto set = [&value, name = long_name(names)](const std::string& text) { value = parse_limit(name, text); };
  return app.add_option_function<std::string>(names, set, help)->type_name("X")->default_str(fmt::format("{}", value));
}

CLI::Option* add_limit(CLI::App& app, const std::string& names, std::optional<double>& value, const std::string& help) {
  const auto set = [&value, name = long_name(names)](const std::string& text) { value = parse_limit(name, text); };
  return app.add_option_function<std::string>(names, set, help)->type_name("X");
}

double parse_number(std::string_view option, const std::string& text, double min, double max) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end || !(value >= min && value <= max)) {
    fail(ErrorKind::kUsage, "{} takes a number from {} to {}, not {}", option, min, max, quote(text));
  }
  return value;
}

CLI::Option* add_number(CLI::App& app, const std::string& names, std::optional<double>& value, const std::string& help,
                        double min, double max) {
  const auto set = [&value, name = long_name(names), min, max](const std::string& text) {
    value = parse_number(name, text, min, max);
  };
  return app.add_option_function<std::string>(names, set, help)->type_name("X");
}

CLI::Option* add_choice(CLI::App& app, const std::string& names, std::span<const std::string_view> words,
                        const std::function<void(size_t)>& set, const std::string& help,
                        const std::string& default_word) {
  const std::string all = fmt::format("{}", fmt::join(words, "|"));
  const auto choose = [name = long_name(names), words, set, all](const std::string& text) {
    const auto found = std::ranges::find(words, text);
    if (found == words.end()) fail(ErrorKind::kUsage, "{} takes {}, not {}", name, all, quote(text));
    set(static_cast<size_t>(found - words.begin()));
  };
  return app.add_option_function<std::string>(names, choose, help)->type_name(all)->default_str(default_word);
}

}  // namespace proxima
