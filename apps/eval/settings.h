// SPDX-License-Identifier: MIT
// What decides a result, recorded with it: program, weights, arithmetic, cache and map.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "apps/session.h"

namespace CLI {
class App;
}

namespace proxima {

// 16 hexadecimal digits of a 64-bit FNV-1a.
std::string text_digest(std::string_view text);
std::string ids_digest(std::span<const TokenId> ids);

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

// An object of the version, the fingerprints of weights and tokenizer, precision, SIMD target, threads, chunk, the
// cache's kind, options and dtypes, and the digest of the sharing map. `cache_flags` as given_cache_options() says it.
nlohmann::ordered_json run_settings(const Session& session, const std::string& cache_flags);

}  // namespace proxima
