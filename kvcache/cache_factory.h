// SPDX-License-Identifier: MIT
// Makes the cache a user chose, and knows beforehand, in closed form, how many bytes it will keep.
#pragma once

#include <cstddef>
#include <memory>

#include "kvcache/cache_choice.h"
#include "kvcache/kv_cache.h"

namespace proxima {

// The choice must have been checked.
std::unique_ptr<KvCache> make_cache(const CacheChoice& choice, const CacheGeometry& geometry,
                                    const CacheCapacity& capacity);

// While a prompt is read in chunks the rings of PoD and of sliding windows are longer, and what a selection will drop
// is still there.
enum class CachePhase { kReadingPrompt, kAfterPrompt };

// What total_bytes() of make_cache()'s cache says once it holds a prompt of n_tokens (methods: full, M = 2 b d L H T;
// PoD, M = b d (L H T + sum of stored keys), with min(T, W) for T in layers of window W). Touches no memory. Of a
// selection over PoD it is the most that can be: which own keys borrowers still hold depends on what is selected.
CacheBytes planned_cache_bytes(const CacheChoice& choice, const CacheGeometry& geometry, const CacheCapacity& capacity,
                               size_t n_tokens, CachePhase phase);

}  // namespace proxima
