// SPDX-License-Identifier: MIT
// Makes the cache a user chose, and knows beforehand, in closed form, how many bytes it will keep.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kvcache/kv_cache.h"
#include "kvcache/sharing_map.h"

namespace proxima {

enum class CacheKind { kDense, kPod };
inline constexpr std::array<std::string_view, 2> kCacheKindNames = {"dense", "pod"};

inline std::string_view cache_kind_name(CacheKind kind) {
  return kCacheKindNames[static_cast<size_t>(kind)];
}

struct CacheChoice {
  CacheKind kind = CacheKind::kDense;
  std::optional<SharingMap> map;  // given exactly where kind is kPod

  bool operator==(const CacheChoice&) const = default;
};

// Throws Error(kUsage) for a choice that would do nothing (a map in which no layer borrows) and Error(kInput) for a map
// that does not fit the geometry. `origin` names the map in messages.
void check_cache_choice(const CacheChoice& choice, const CacheGeometry& geometry, const std::string& origin);

// The choice must have been checked.
std::unique_ptr<KvCache> make_cache(const CacheChoice& choice, const CacheGeometry& geometry,
                                    const CacheCapacity& capacity);

// While a prompt is read in chunks the rings of PoD and of sliding windows are longer.
enum class CachePhase { kReadingPrompt, kAfterPrompt };

// What total_bytes() of make_cache()'s cache says once it holds n_tokens (methods: full, M = 2 b d L H T; PoD, M = b d
// (L H T + sum of stored keys), with min(T, W) for T in layers of window W). Touches no memory.
CacheBytes planned_cache_bytes(const CacheChoice& choice, const CacheGeometry& geometry, const CacheCapacity& capacity,
                               size_t n_tokens, CachePhase phase);

}  // namespace proxima
