// SPDX-License-Identifier: MIT
// PoD, Proximal tokens over Distant tokens (arXiv 2412.02252). For a query at position i, the proximal tokens
// {j < ns} and {i - nr < j <= i} use this layer's keys, the distant ones {ns <= j <= i - nr} the keys of the lowest
// layer of the block; values are always the layer's own. All logits enter one softmax, which is what the paper's gated
// sum of two softmaxes equals.
//
// Stored per (layer, KV head): values of all tokens; keys of all tokens where the layer is the lowest of its block,
// else keys of the first ns tokens and a ring of the recent ones: nr, and while a prompt is read in chunks of C tokens
// nr + C - 1, since the chunk's first query still needs nr - 1 keys from before it.
#pragma once

#include <vector>

#include "kvcache/kv_cache.h"
#include "kvcache/row_store.h"
#include "kvcache/sharing_map.h"

namespace proxima {

class PodCache : public KvCache {
 public:
  // The map must be valid for the geometry.
  PodCache(const CacheGeometry& geometry, const CacheCapacity& capacity, const SharingMap& map);

  const CacheGeometry& geometry() const override { return geometry_; }
  const CacheCapacity& capacity() const override { return capacity_; }
  size_t n_tokens() const override { return n_tokens_.back(); }
  void begin_prompt() override { resize_rings(map_.nr + capacity_.max_chunk - 1); }
  void end_prompt() override { resize_rings(map_.nr); }
  void append(size_t layer, size_t n, const std::byte* keys, const std::byte* values) override;
  void show(size_t layer, size_t kv_head, size_t n_queries, View& view) const override;
  CacheBytes bytes(size_t layer) const override;
  void clear() override;

  const SharingMap& map() const { return map_; }

 private:
  struct Cell {
    RowStore keys;  // all tokens, or ns first ones followed by the ring
    RowStore values;
  };
  Cell& cell(size_t layer, size_t kv_head) { return cells_[layer * geometry_.n_kv_heads + kv_head]; }
  const Cell& cell(size_t layer, size_t kv_head) const { return cells_[layer * geometry_.n_kv_heads + kv_head]; }

  size_t ring_slot(size_t position) const { return map_.ns + (position - map_.ns) % ring_; }
  void append_to_ring(Cell& cell, size_t first, size_t n, const std::byte* keys, size_t stride);
  void resize_rings(size_t ring);
  size_t proximal_tokens(size_t n_tokens) const;  // min(T, ns + nr)

  CacheGeometry geometry_;
  CacheCapacity capacity_;
  SharingMap map_;
  size_t ring_;                   // rows of the ring in use
  std::vector<Cell> cells_;       // [n_layers, n_kv_heads]
  std::vector<size_t> n_tokens_;  // [n_layers]
};

}  // namespace proxima
