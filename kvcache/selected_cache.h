// SPDX-License-Identifier: MIT
// Token selection: a prompt is read with everything kept, then each KV head keeps the tokens that a method chooses
// (snapkv.h, pyramidkv.h, h2o.h) by the attention they had. Tokens that follow are appended; H2O evicts one for each.
//
// Over PoD there is one set of kept tokens per block and KV head, chosen by the block's lowest layer, since layers that
// kept different tokens would make it keep the keys of all of them. Without PoD every layer is a block of its own.
// Of its block's tokens a layer keeps the values, and the keys as PoD does: the lowest layer all; the others those of
// the first ns positions and of the most recent nr' kept tokens whose own keys they still hold. Recent is by rank among
// the kept tokens. With nothing evicted rank is position and this is PoD (nr' in place of nr).
#pragma once

#include <optional>

#include "kvcache/h2o.h"
#include "kvcache/kv_cache.h"
#include "kvcache/pod_cache.h"
#include "kvcache/pyramidkv.h"
#include "kvcache/row_store.h"
#include "kvcache/snapkv.h"

namespace proxima {

enum class SelectionMethod { kSnapKv, kPyramidKv, kH2o };

struct SelectionSettings {
  SelectionMethod method = SelectionMethod::kSnapKv;
  size_t budget = 4096;  // tokens per layer and KV head (PyramidKV: their mean) after the prompt; H2O: always
  SnapKvSettings snapkv = {};
  PyramidKvSettings pyramidkv = {};
  std::optional<size_t> h2o_recent = {};  // of the budget; half of it if absent

  bool operator==(const SelectionSettings&) const = default;
  size_t n_recent() const { return h2o_recent.value_or(budget / 2); }
};

// [n_layers, n_kv_heads] Tokens that a cell of a block keeps of a prompt; the mean of its layers' budgets.
std::vector<size_t> selection_budgets(const SelectionSettings& settings, const SharingMap& map, size_t n_tokens);

// nr': the most recent kept tokens whose own keys a borrowing layer keeps, an eighth of the budget together with ns.
size_t recent_own_keys(const SelectionSettings& settings, size_t ns, size_t budget);

class SelectedCache final : public KvCache {
 public:
  // The map must be valid for the geometry; one block a layer is selection without PoD.
  SelectedCache(const CacheGeometry& geometry, const CacheCapacity& capacity, const SharingMap& map,
                const SelectionSettings& settings);

  const CacheGeometry& geometry() const override { return prompt_.geometry(); }
  const CacheCapacity& capacity() const override { return prompt_.capacity(); }
  size_t n_tokens() const override { return selected_ ? n_tokens_ : prompt_.n_tokens(); }
  void begin_prompt(size_t n_tokens) override;
  void end_prompt() override;
  size_t max_append() const override { return selected_ ? 1 : capacity().max_chunk; }
  void append(size_t layer, size_t n, const std::byte* keys, const std::byte* values) override;
  void show(size_t layer, size_t kv_head, size_t n_queries, View& view) const override;
  bool wants_probabilities(size_t layer, size_t query) const override;
  void take_probabilities(size_t layer, size_t query, std::span<const double> probabilities) override;
  CacheBytes bytes(size_t layer) const override;
  void clear() override;
  std::vector<KeptRows> save() const override;
  void restore(size_t n_tokens, const std::vector<KeptRows>& stores, const std::string& origin) override;

  // The kept positions of a cell, once the prompt has ended.
  const std::vector<uint32_t>& kept(size_t layer, size_t kv_head) const { return block(layer, kv_head).positions; }

 private:
  // Of a block and KV head, at the index of its lowest layer. Ranks count kept tokens in order of position.
  struct Block {
    std::vector<double> sums;         // of probabilities: by position while the prompt is read, then by rank
    std::vector<uint32_t> positions;  // kept, by rank
    size_t budget = 0;
    size_t n_first = 0;     // ranks whose position is below ns
    size_t max_recent = 1;  // nr'
    size_t n_recent = 0;    // last ranks whose own keys borrowers hold, at most max_recent
    size_t n_evicted = 0;   // rank + n_evicted never changes for a token that is recent
    size_t n_ranks() const { return positions.size(); }
  };
  // Rows by rank; the keys of borrowers: n_first rows, then a ring of max_recent.
  struct Cell {
    RowStore keys;
    RowStore values;
  };
  size_t index(size_t layer, size_t kv_head) const { return layer * geometry().n_kv_heads + kv_head; }
  size_t lowest(size_t layer, size_t kv_head) const { return map_.lowest(layer, kv_head); }
  Block& block(size_t layer, size_t kv_head) { return blocks_[index(lowest(layer, kv_head), kv_head)]; }
  const Block& block(size_t layer, size_t kv_head) const { return blocks_[index(lowest(layer, kv_head), kv_head)]; }
  size_t key_row(const Block& block, bool owns, size_t rank) const;

  bool holds_key(const Block& block, bool owns, size_t rank) const;
  KeptRows key_rows(size_t layer, size_t kv_head) const;
  KeptRows value_rows(size_t layer, size_t kv_head) const;
  KeptRows sum_rows(size_t layer, size_t kv_head) const;
  void set_budgets();
  void set_ranks(Block& block) const;

  void restore_block(size_t layer, size_t kv_head, const std::vector<KeptRows>& stores, const std::string& origin);
  void restore_cell(size_t layer, size_t kv_head, const std::vector<KeptRows>& stores, const std::string& origin);

  void choose(size_t layer, size_t kv_head);
  void make_cell(size_t layer, size_t kv_head);
  void copy_kept(size_t layer, size_t kv_head, const View& view);
  void evict();
  void add_token(size_t layer, size_t kv_head);

  SharingMap map_;
  SelectionSettings settings_;
  PodCache prompt_;  // until the first end_prompt(), then empty
  bool selected_ = false;
  size_t prompt_end_ = 0;      // tokens of the prompt that is read, or was selected from
  size_t n_tokens_ = 0;        // once selected
  std::vector<Block> blocks_;  // [n_layers, n_kv_heads], in use at lowest layers
  std::vector<Cell> cells_;    // [n_layers, n_kv_heads], once selected
};

}  // namespace proxima
