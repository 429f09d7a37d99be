// SPDX-License-Identifier: MIT
#include "kvcache/dense_cache.h"

#include <algorithm>

namespace proxima {

DenseCache::DenseCache(const CacheGeometry& geometry, const CacheCapacity& capacity)
    : geometry_(geometry), capacity_(capacity) {
  cells_.reserve(geometry.n_layers * geometry.n_kv_heads);
  for (size_t cell = 0; cell < geometry.n_layers * geometry.n_kv_heads; ++cell) {
    const KeptTokens kept{.n_recent = geometry.window(cell / geometry.n_kv_heads)};
    cells_.push_back({RecentRows(kept, capacity, geometry.head_dim, capacity.key_dtype),
                      RecentRows(kept, capacity, geometry.head_dim, capacity.value_dtype)});
  }
}

void DenseCache::begin_prompt() {
  for (Cell& cell : cells_) {
    cell.keys.begin_prompt();
    cell.values.begin_prompt();
  }
}

void DenseCache::end_prompt() {
  for (Cell& cell : cells_) {
    cell.keys.end_prompt();
    cell.values.end_prompt();
  }
}

void DenseCache::append(size_t layer, size_t n, const std::byte* keys, const std::byte* values) {
  for (size_t head = 0; head < geometry_.n_kv_heads; ++head) {
    Cell& cell = cells_[layer * geometry_.n_kv_heads + head];
    const size_t key_bytes = cell.keys.row_bytes();
    const size_t value_bytes = cell.values.row_bytes();
    cell.keys.append(n, keys + head * key_bytes, geometry_.n_kv_heads * key_bytes);
    cell.values.append(n, values + head * value_bytes, geometry_.n_kv_heads * value_bytes);
  }
}

void DenseCache::show(size_t layer, size_t kv_head, size_t n_queries, View& view) const {
  const Cell& cell = cells_[layer * geometry_.n_kv_heads + kv_head];
  const size_t end = cell.values.n_tokens();
  view.clear();
  show_rows(cell.keys, cell.values, first_visible(geometry_.window(layer), end - n_queries), end, 0, SIZE_MAX, view);
}

CacheBytes DenseCache::bytes(size_t layer) const {
  CacheBytes total;
  for (size_t head = 0; head < geometry_.n_kv_heads; ++head) {
    const Cell& cell = cells_[layer * geometry_.n_kv_heads + head];
    total += cell.keys.bytes();
    total += cell.values.bytes();
  }
  return total;
}

void DenseCache::clear() {
  for (Cell& cell : cells_) {
    cell.keys.clear();
    cell.values.clear();
  }
}

}  // namespace proxima
