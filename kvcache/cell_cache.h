// SPDX-License-Identifier: MIT
// A cache made of cells: one store of keys and one of values per (layer, KV head). What is taken in, counted, forgotten
// and saved is the same whatever the method; a method says which tokens each cell keeps and what of them is shown.
#pragma once

#include <functional>
#include <vector>

#include "kvcache/kv_cache.h"
#include "kvcache/recent_rows.h"

namespace proxima {

class CellCache : public KvCache {
 public:
  const CacheGeometry& geometry() const override { return geometry_; }
  const CacheCapacity& capacity() const override { return capacity_; }
  size_t n_tokens() const override { return cells_.back().values.n_tokens(); }
  void begin_prompt(size_t n_tokens) override;
  void end_prompt() override;
  void append(size_t layer, size_t n, const std::byte* keys, const std::byte* values) override;
  CacheBytes bytes(size_t layer) const override;
  void clear() override;
  std::vector<KeptRows> save() const override;
  void restore(size_t n_tokens, const std::vector<KeptRows>& stores, const std::string& origin) override;

 protected:
  struct Cell {
    RecentRows keys;
    RecentRows values;
  };
  struct KeptByCell {
    KeptTokens keys;
    KeptTokens values;
  };
  CellCache(const CacheGeometry& geometry, const CacheCapacity& capacity,
            const std::function<KeptByCell(size_t layer, size_t kv_head)>& kept);

  const Cell& cell(size_t layer, size_t kv_head) const { return cells_[layer * geometry_.n_kv_heads + kv_head]; }

 private:
  // Puts the rows, which each token that follows will read, on huge pages.
  void settle() const;
  // Calls visit(store, its name, its dtype), keys before values, cell after cell.
  template <class Cells, class Visit>
  void each_store(Cells& cells, Visit visit) const;

  CacheGeometry geometry_;
  CacheCapacity capacity_;
  std::vector<Cell> cells_;  // [n_layers, n_kv_heads]
};

}  // namespace proxima
