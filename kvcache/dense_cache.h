// SPDX-License-Identifier: MIT
// The full cache: every key and value that a layer may still use: all of them, or the last ones of its sliding window.
#pragma once

#include <vector>

#include "kvcache/kv_cache.h"
#include "kvcache/recent_rows.h"

namespace proxima {

class DenseCache : public KvCache {
 public:
  DenseCache(const CacheGeometry& geometry, const CacheCapacity& capacity);

  const CacheGeometry& geometry() const override { return geometry_; }
  const CacheCapacity& capacity() const override { return capacity_; }
  size_t n_tokens() const override { return cells_.back().values.n_tokens(); }
  void begin_prompt() override;
  void end_prompt() override;
  void append(size_t layer, size_t n, const std::byte* keys, const std::byte* values) override;
  void show(size_t layer, size_t kv_head, size_t n_queries, View& view) const override;
  CacheBytes bytes(size_t layer) const override;
  void clear() override;

 private:
  struct Cell {
    RecentRows keys;
    RecentRows values;
  };
  CacheGeometry geometry_;
  CacheCapacity capacity_;
  std::vector<Cell> cells_;  // [n_layers, n_kv_heads]
};

}  // namespace proxima
