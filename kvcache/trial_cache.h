// SPDX-License-Identifier: MIT
// PoD tried out on a sequence that was read before: what a sharing map leaves unchanged (the layers below the first
// borrower it adds, the tokens before anything is distant) is taken from that earlier run, the rest is run again. Keeps
// all rows of all layers, so that any map can follow: this measures maps, it saves no memory.
#pragma once

#include <vector>

#include "kvcache/kv_cache.h"
#include "kvcache/row_store.h"
#include "kvcache/sharing_map.h"

namespace proxima {

// All keys and values of one sequence; memory is touched as rows are written.
class KeyValueStore {
 public:
  KeyValueStore(const CacheGeometry& geometry, const CacheCapacity& capacity);

  // What n_tokens rows of every layer take.
  static size_t n_bytes(const CacheGeometry& geometry, const CacheCapacity& capacity, size_t n_tokens);

  // Rows [n, n_kv_heads, head_dim] of tokens position, position + 1, ...
  void write(size_t layer, size_t position, size_t n, const std::byte* keys, const std::byte* values);
  StoredRows keys(size_t layer, size_t kv_head) const { return keys_[layer].rows().from(kv_head * max_tokens_); }
  StoredRows values(size_t layer, size_t kv_head) const { return values_[layer].rows().from(kv_head * max_tokens_); }

 private:
  size_t n_kv_heads_;
  size_t max_tokens_;
  std::vector<RowStore> keys_;  // [n_layers], rows head-major
  std::vector<RowStore> values_;
};

class TrialCache final : public KvCache {
 public:
  TrialCache(const CacheGeometry& geometry, const CacheCapacity& capacity) : geometry_(geometry), capacity_(capacity) {}

  // The next run is of `map`, from first_layer and first_token on. Layers and tokens before them are those of `base`;
  // what is appended goes to `target`, which may be `base` itself. All three must outlive the run.
  void begin(const SharingMap& map, const KeyValueStore& base, KeyValueStore& target, size_t first_layer,
             size_t first_token);

  const CacheGeometry& geometry() const override { return geometry_; }
  const CacheCapacity& capacity() const override { return capacity_; }
  size_t n_tokens() const override { return n_tokens_; }
  void begin_prompt(size_t /*n_tokens*/) override {}
  void end_prompt() override {}
  void append(size_t layer, size_t n, const std::byte* keys, const std::byte* values) override;
  void show(size_t layer, size_t kv_head, size_t n_queries, View& view) const override;
  CacheBytes bytes(size_t layer) const override;
  void clear() override { n_tokens_ = 0; }
  // A trial is not to be saved: std::logic_error.
  std::vector<KeptRows> save() const override;
  void restore(size_t n_tokens, const std::vector<KeptRows>& stores, const std::string& origin) override;

 private:
  const KeyValueStore& store(size_t layer, size_t position) const;

  CacheGeometry geometry_;
  CacheCapacity capacity_;
  const SharingMap* map_ = nullptr;
  const KeyValueStore* base_ = nullptr;
  KeyValueStore* target_ = nullptr;
  size_t first_layer_ = 0;
  size_t first_token_ = 0;
  size_t n_tokens_ = 0;
};

}  // namespace proxima
