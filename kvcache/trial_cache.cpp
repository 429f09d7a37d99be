// SPDX-License-Identifier: MIT
#include "kvcache/trial_cache.h"

#include <algorithm>
#include <stdexcept>

#include "kvcache/recent_rows.h"

namespace proxima {

KeyValueStore::KeyValueStore(const CacheGeometry& geometry, const CacheCapacity& capacity)
    : n_kv_heads_(geometry.n_kv_heads), max_tokens_(capacity.max_context) {
  for (size_t layer = 0; layer < geometry.n_layers; ++layer) {
    keys_.emplace_back(n_kv_heads_ * max_tokens_, geometry.head_dim, capacity.key_dtype);
    values_.emplace_back(n_kv_heads_ * max_tokens_, geometry.head_dim, capacity.value_dtype);
  }
}

size_t KeyValueStore::n_bytes(const CacheGeometry& geometry, const CacheCapacity& capacity, size_t n_tokens) {
  const size_t of_key = row_bytes(capacity.key_dtype, geometry.head_dim);
  const size_t of_value = row_bytes(capacity.value_dtype, geometry.head_dim);
  return geometry.n_layers * geometry.n_kv_heads * n_tokens * (of_key + of_value);
}

void KeyValueStore::write(size_t layer, size_t position, size_t n, const std::byte* keys, const std::byte* values) {
  const auto copy = [&](RowStore& rows, const std::byte* source) {
    const size_t row = rows.row_bytes();
    for (size_t head = 0; head < n_kv_heads_; ++head) {
      rows.write(head * max_tokens_ + position, n, source + head * row, n_kv_heads_ * row);
    }
  };
  copy(keys_[layer], keys);
  copy(values_[layer], values);
}

void TrialCache::begin(const SharingMap& map, const KeyValueStore& base, KeyValueStore& target, size_t first_layer,
                       size_t first_token) {
  map_ = &map;
  base_ = &base;
  target_ = &target;
  first_layer_ = first_layer;
  first_token_ = n_tokens_ = first_token;
}

void TrialCache::append(size_t layer, size_t n, const std::byte* keys, const std::byte* values) {
  target_->write(layer, n_tokens_, n, keys, values);
  if (layer + 1 == geometry_.n_layers) n_tokens_ += n;
}

const KeyValueStore& TrialCache::store(size_t layer, size_t position) const {
  return layer >= first_layer_ && position >= first_token_ ? *target_ : *base_;
}

void TrialCache::show(size_t layer, size_t kv_head, size_t n_queries, View& view) const {
  // Of the last layer the tokens count already.
  const size_t end = layer + 1 == geometry_.n_layers ? n_tokens_ : n_tokens_ + n_queries;
  view.clear();
  const auto add = [&](size_t key_layer, size_t begin, size_t stop, size_t min_age, size_t max_age) {
    if (begin >= stop) return;
    view.push_back({store(key_layer, begin).keys(key_layer, kv_head).from(begin),
                    store(layer, begin).values(layer, kv_head).from(begin), begin, stop - begin, min_age, max_age});
  };
  const auto add_band = [&](size_t key_layer, size_t begin, size_t stop, size_t min_age, size_t max_age) {
    const size_t border = std::clamp(first_token_, begin, std::max(begin, stop));
    add(key_layer, begin, border, min_age, max_age);
    add(key_layer, border, stop, min_age, max_age);
  };
  const size_t lowest = map_->lowest(layer, kv_head);
  if (lowest == layer) return add_band(layer, 0, end, 0, SIZE_MAX);
  const size_t first = std::min(map_->ns, end);
  add_band(layer, 0, first, 0, SIZE_MAX);
  add_band(lowest, first, end - std::min(end, map_->nr), map_->nr, SIZE_MAX);
  const size_t recent = first_visible(map_->nr, end - n_queries);
  add_band(layer, std::max(first, recent), end, 0, map_->nr);
}

CacheBytes TrialCache::bytes(size_t /*layer*/) const {
  const size_t kept = KeyValueStore::n_bytes(geometry_, capacity_, n_tokens_) / geometry_.n_layers;
  return {kept, 0, kept, kept};
}

std::vector<KeptRows> TrialCache::save() const {
  throw std::logic_error("a trial is not saved");
}

void TrialCache::restore(size_t /*n_tokens*/, const std::vector<KeptRows>& /*stores*/, const std::string& /*origin*/) {
  throw std::logic_error("a trial is not restored");
}

}  // namespace proxima
