// SPDX-License-Identifier: MIT
// What the subcommands of `proxima eval` share: the model, one cache, where results are kept, how they are told.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/common_options.h"

namespace CLI {
class App;
}

namespace proxima {

struct EvalOptions {
  CommonOptions common;
  std::function<std::string()> cache_flags;  // see given_cache_options()
  std::string results;                       // -o
  bool json = false;
};

// -m -v -q --precision -t --chunk --simd -c -ctk -ctv --cache ... --force -o --json
void declare_eval(CLI::App& app, EvalOptions& options);
// The same but for the cache itself: commands that take several.
void declare_eval_without_cache(CLI::App& app, EvalOptions& options);

// -f, --length, --windows, --forced
struct WindowOptions {
  std::vector<std::string> files;
  std::optional<size_t> length;
  std::optional<size_t> n_windows;
  size_t n_forced = 256;
};
void declare_windows(CLI::App& app, WindowOptions& options);

// The same options with the dense cache.
CommonOptions with_dense_cache(const CommonOptions& options);

// Runs a command; where it stumbles over results that this version cannot have written, Error(kInput) names the file.
void with_results(const EvalOptions& options, const std::function<void()>& command);

// One line for programs: the summary on standard output.
void write_json(const nlohmann::ordered_json& summary);

}  // namespace proxima
