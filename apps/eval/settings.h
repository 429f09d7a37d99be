// SPDX-License-Identifier: MIT
// What decides a result, recorded with it: program, weights, arithmetic, cache and map.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "apps/session.h"

namespace proxima {

// 16 hexadecimal digits of a 64-bit FNV-1a.
std::string text_digest(std::string_view text);
std::string ids_digest(std::span<const TokenId> ids);

// An object of the version, the fingerprints of weights and tokenizer, precision, SIMD target, threads, chunk, the
// cache's kind, options and dtypes, and the digest of the sharing map. `cache_flags` as given_cache_options()
// (apps/cache_spec.h) says it.
nlohmann::ordered_json run_settings(const Session& session, const std::string& cache_flags);

}  // namespace proxima
