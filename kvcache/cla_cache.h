// SPDX-License-Identifier: MIT
// Cross-Layer Attention (arXiv 2405.12981) on a model as it is: of every few consecutive layers only the first has keys
// and values, which the others use for all tokens. The method is meant for training from scratch; a pretrained model
// that did not learn it loses much.
#pragma once

#include "kvcache/dense_cache.h"

namespace proxima {

// [n_layers] The layer whose keys and values each layer uses: groups of `factor` layers, cut at a change of class.
std::vector<size_t> cla_donors(const CacheGeometry& geometry, size_t factor);

class ClaCache final : public KvCache {
 public:
  ClaCache(const CacheGeometry& geometry, const CacheCapacity& capacity, size_t factor);

  const CacheGeometry& geometry() const override { return geometry_; }
  const CacheCapacity& capacity() const override { return donors_.capacity(); }
  size_t n_tokens() const override { return donors_.n_tokens(); }
  void begin_prompt(size_t n_tokens) override { donors_.begin_prompt(n_tokens); }
  void end_prompt() override { donors_.end_prompt(); }
  bool appends(size_t layer) const override { return donor_[layer] == layer; }
  void append(size_t layer, size_t n, const std::byte* keys, const std::byte* values) override;
  void show(size_t layer, size_t kv_head, size_t n_queries, View& view) const override;
  CacheBytes bytes(size_t layer) const override;
  void clear() override { donors_.clear(); }
  std::vector<KeptRows> save() const override { return donors_.save(); }
  void restore(size_t n_tokens, const std::vector<KeptRows>& stores, const std::string& origin) override {
    donors_.restore(n_tokens, stores, origin);
  }

 private:
  CacheGeometry geometry_;
  std::vector<size_t> donor_;  // [n_layers] a layer
  std::vector<size_t> index_;  // [n_layers] which of the donors that is
  DenseCache donors_;
};

}  // namespace proxima
