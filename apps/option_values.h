// SPDX-License-Identifier: MIT
// Options whose values are read strictly: CLI11 takes "-1" for a huge count and "010" for eight.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace proxima {

// Beyond any context; keeps products of counts and sizes from overflowing.
constexpr size_t kMaxCount = size_t{1} << 40;

struct CountRange {
  size_t min = 0;
  size_t max = kMaxCount;
};

// Decimal digits only. Throws Error(kUsage) naming the option.
uint64_t parse_count(std::string_view option, const std::string& text, uint64_t min, uint64_t max);

CLI::Option* add_count(CLI::App& app, const std::string& names, size_t& value, const std::string& help,
                       CountRange range = {});
CLI::Option* add_count(CLI::App& app, const std::string& names, std::optional<size_t>& value, const std::string& help,
                       CountRange range = {});

// A finite number from 0 on. Throws Error(kUsage) naming the option.
double parse_limit(std::string_view option, const std::string& text);

CLI::Option* add_limit(CLI::App& app, const std::string& names, double& value, const std::string& help);
CLI::Option* add_limit(CLI::App& app, const std::string& names, std::optional<double>& value, const std::string& help);

// A finite decimal number in [min, max].
double parse_number(std::string_view option, const std::string& text, double min, double max);
CLI::Option* add_number(CLI::App& app, const std::string& names, std::optional<double>& value, const std::string& help,
                        double min, double max);

// One of a few words; `set` takes the index into `words`.
CLI::Option* add_choice(CLI::App& app, const std::string& names, std::span<const std::string_view> words,
                        const std::function<void(size_t)>& set, const std::string& help,
                        const std::string& default_word);

// "--top-k" of "-k,--top-k"
std::string long_name(const std::string& names);

}  // namespace proxima
