// SPDX-License-Identifier: MIT
// A cache and its options in one word, for commands that take several.
#pragma once

#include <string>

#include "apps/common_options.h"

namespace proxima {

// The options of add_cache_options() that were set, as flags: "--cache pod --map map.json"; empty where none was.
std::string given_cache_options(const CLI::App& app);

// "pod:map=FILE,nr=64", or "pod --map FILE --nr 64": the flags of --cache without their name, for commands that take
// several caches; "NAME=" before it says how results call it. `base` has everything else.
struct CacheSpec {
  std::string name;   // as given, otherwise the text without folders
  std::string flags;  // as given_cache_options() would say it
  CommonOptions options;
};
CacheSpec parse_cache_spec(const std::string& text, const CommonOptions& base);

}  // namespace proxima
