// SPDX-License-Identifier: MIT
// LM-Infinite (arXiv 2308.16137): a query sees the first n_global tokens and the n_local recent ones, and no distance
// is ever larger than n_local: global tokens that are farther away are met at just that distance, by keys that are not
// rotated and a query rotated at n_local. Both forms of the global keys are kept, since near ones are met as they are.
#pragma once

#include "kvcache/cell_cache.h"

namespace proxima {

struct LmInfiniteSettings {
  size_t n_global = 16;
  size_t n_local = 4080;  // the query's own token included; at least 1

  bool operator==(const LmInfiniteSettings&) const = default;
};

class LmInfiniteCache final : public CellCache {
 public:
  LmInfiniteCache(const CacheGeometry& geometry, const CacheCapacity& capacity, const LmInfiniteSettings& settings);

  bool wants_unrotated_keys() const override { return true; }
  void append_unrotated(size_t layer, size_t n, const std::byte* keys) override;
  void show(size_t layer, size_t kv_head, size_t n_queries, View& view) const override;
  size_t query_cap() const override { return settings_.n_local; }
  CacheBytes bytes(size_t layer) const override;
  void clear() override;
  std::vector<KeptRows> save() const override;
  void restore(size_t n_tokens, const std::vector<KeptRows>& stores, const std::string& origin) override;

 private:
  size_t n_global(size_t n_tokens) const { return n_tokens < settings_.n_global ? n_tokens : settings_.n_global; }
  KeptRows unrotated_rows(size_t index, size_t n_tokens) const;

  LmInfiniteSettings settings_;
  std::vector<RowStore> unrotated_;  // [n_layers, n_kv_heads] of the global tokens
};

}  // namespace proxima
