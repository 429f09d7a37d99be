// SPDX-License-Identifier: MIT
// Quest (arXiv 2406.10774): nothing is forgotten, but a decode step attends only to the pages of 16 consecutive tokens
// whose keys can matter most to its query. Per page the least and the largest value of each key element are kept; they
// bound any product with a query: U = sum_c max(q_c min_c, q_c max_c). Prompts and the first two layers attend to all.
// One set of pages per KV head: the mean of U over its query heads decides, so each page is read once.
//
// Over PoD the pages are those of the block's lowest layer, whose keys the distant tokens have; each layer ranks them
// by its own queries, and proximal tokens of a chosen page are met by the layer's own keys.
#pragma once

#include <memory>

#include "kvcache/kv_cache.h"
#include "kvcache/row_store.h"
#include "kvcache/sharing_map.h"

namespace proxima {

constexpr size_t kQuestPage = 16;
constexpr size_t kQuestDenseLayers = 2;
// Of the first n_tokens, the last one perhaps not full.
constexpr size_t quest_pages(size_t n_tokens) {
  return (n_tokens + kQuestPage - 1) / kQuestPage;
}

// The bounds have the keys' dtype, or BF16 of Q8_0 keys, rounded outwards: a block's elements share one scale, which
// would spoil the bounds of all but the largest.
constexpr DType quest_bound_dtype(DType keys) {
  return keys == DType::kQ8_0 ? DType::kBF16 : keys;
}

class QuestCache final : public KvCache {
 public:
  // `all` holds the tokens: a dense cache, or PoD with this map. budget is in tokens, at least a page.
  QuestCache(std::unique_ptr<KvCache> all, const SharingMap* map, size_t budget);

  const CacheGeometry& geometry() const override { return all_->geometry(); }
  const CacheCapacity& capacity() const override { return all_->capacity(); }
  size_t n_tokens() const override { return all_->n_tokens(); }
  void begin_prompt(size_t n_tokens) override;
  void end_prompt() override;
  void append(size_t layer, size_t n, const std::byte* keys, const std::byte* values) override;
  bool wants_queries(size_t layer, size_t n_queries) const override;
  void take_queries(size_t layer, const LayerQueries& queries) override;
  void show(size_t layer, size_t kv_head, size_t n_queries, View& view) const override;
  CacheBytes bytes(size_t layer) const override;
  void clear() override;
  std::vector<KeptRows> save() const override;
  void restore(size_t n_tokens, const std::vector<KeptRows>& stores, const std::string& origin) override;

 private:
  // Of the lowest layer of a block.
  struct PageBounds {
    RowStore least;
    RowStore largest;
    size_t n_tokens = 0;
  };
  size_t index(size_t layer, size_t kv_head) const { return layer * geometry().n_kv_heads + kv_head; }
  bool owns(size_t layer, size_t kv_head) const { return lowest_[index(layer, kv_head)] == layer; }
  template <class T>
  void choose_pages(size_t layer, const LayerQueries& queries);
  std::vector<KeptRows> page_rows(size_t n_tokens) const;

  std::unique_ptr<KvCache> all_;
  size_t budget_pages_;
  bool reads_prompt_ = false;
  std::vector<size_t> lowest_;               // [n_layers, n_kv_heads]
  std::vector<PageBounds> bounds_;           // [n_layers, n_kv_heads], empty where borrowed
  std::vector<std::vector<size_t>> chosen_;  // [n_kv_heads] pages of the layer whose queries were taken, ascending
};

}  // namespace proxima
