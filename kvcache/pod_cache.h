// SPDX-License-Identifier: MIT
// PoD, Proximal tokens over Distant tokens (arXiv 2412.02252). For a query at position i, the proximal tokens
// {j < ns} and {i - nr < j <= i} use this layer's keys, the distant ones {ns <= j <= i - nr} the keys of the lowest
// layer of the block; values are always the layer's own. All logits enter one softmax, which is what the paper's gated
// sum of two softmaxes equals.
//
// Stored per (layer, KV head), T tokens, or those of the layer's sliding window: all values; all keys where the layer
// is the lowest of its block, else the keys of the first ns tokens and of the nr recent ones. The donor has the
// borrower's window, so its keys reach as far back.
#pragma once

#include <optional>

#include "kvcache/cell_cache.h"
#include "kvcache/sharing_map.h"
#include "kvcache/skip_gate.h"

namespace proxima {

// The tokens whose own keys a borrowing layer keeps: within a short window simply all.
KeptTokens kept_by_borrower(const SharingMap& map, size_t window);

class PodCache final : public CellCache {
 public:
  // The map must be valid for the geometry.
  PodCache(const CacheGeometry& geometry, const CacheCapacity& capacity, const SharingMap& map,
           const std::optional<GateSettings>& gate = std::nullopt);

  void show(size_t layer, size_t kv_head, size_t n_queries, View& view) const override;

  void show_to_gate(size_t layer, size_t kv_head, size_t n_queries, View& view) const override;
  SkipGate* skip_gate() override { return gate_ ? &*gate_ : nullptr; }
  void clear() override;

  const SharingMap& map() const { return map_; }

 private:
  SharingMap map_;
  std::optional<SkipGate> gate_;
};

}  // namespace proxima
