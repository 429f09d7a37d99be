// SPDX-License-Identifier: MIT
// How much a cache may keep, as a user says it: "2048" tokens per layer and KV head, "10%" of what a dense cache would
// keep of the prompt, or "256MiB" of keys and values in all. The latter two are solved for tokens when the prompt's
// length is known.
#pragma once

#include <optional>
#include <string>

#include "kvcache/cache_factory.h"

namespace proxima {

struct KvBudget {
  enum class Unit { kTokens, kPercent, kBytes };
  Unit unit = Unit::kTokens;
  double amount = 0;

  bool operator==(const KvBudget&) const = default;
};

// Nothing where the text is none of the three. KiB, MiB, GiB are powers of 1024; KB, MB, GB of 1000.
std::optional<KvBudget> parse_kv_budget(const std::string& text);

// The choice with the most tokens whose planned bytes after a prompt of n_prompt tokens stay within the budget. Throws
// Error(kUsage) where the kind has no budget, where bytes say nothing about it (Quest forgets nothing), or where not
// even the least fits.
CacheChoice apply_budget(const CacheChoice& choice, const KvBudget& budget, const CacheGeometry& geometry,
                         const CacheCapacity& capacity, size_t n_prompt);

// The same for planning ahead, where the prompt may yet be shorter: the least where not even that fits.
CacheChoice nearest_to_budget(const CacheChoice& choice, const KvBudget& budget, const CacheGeometry& geometry,
                              const CacheCapacity& capacity, size_t n_prompt);

}  // namespace proxima
