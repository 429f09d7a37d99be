// SPDX-License-Identifier: MIT
#include "kvcache/dense_cache.h"

#include <algorithm>

namespace proxima {

DenseCache::DenseCache(const CacheGeometry& geometry, const CacheCapacity& capacity)
    : geometry_(geometry), capacity_(capacity), n_tokens_(geometry.n_layers) {
  cells_.reserve(geometry.n_layers * geometry.n_kv_heads);
  for (size_t cell = 0; cell < geometry.n_layers * geometry.n_kv_heads; ++cell) {
    cells_.push_back({RowStore(capacity.max_context, geometry.head_dim, capacity.key_dtype),
                      RowStore(capacity.max_context, geometry.head_dim, capacity.value_dtype)});
  }
}

void DenseCache::append(size_t layer, size_t n, const std::byte* keys, const std::byte* values) {
  for (size_t head = 0; head < geometry_.n_kv_heads; ++head) {
    Cell& cell = cells_[layer * geometry_.n_kv_heads + head];
    const size_t key_bytes = cell.keys.row_bytes();
    const size_t value_bytes = cell.values.row_bytes();
    cell.keys.write(n_tokens_[layer], n, keys + head * key_bytes, geometry_.n_kv_heads * key_bytes);
    cell.values.write(n_tokens_[layer], n, values + head * value_bytes, geometry_.n_kv_heads * value_bytes);
  }
  n_tokens_[layer] += n;
}

void DenseCache::show(size_t layer, size_t kv_head, size_t /*n_queries*/, View& view) const {
  const Cell& cell = cells_[layer * geometry_.n_kv_heads + kv_head];
  view.assign(1, {.keys = cell.keys.rows(), .values = cell.values.rows(), .count = n_tokens_[layer]});
}

CacheBytes DenseCache::bytes(size_t layer) const {
  CacheBytes total;
  for (size_t head = 0; head < geometry_.n_kv_heads; ++head) {
    const Cell& cell = cells_[layer * geometry_.n_kv_heads + head];
    total.logical += n_tokens_[layer] * (cell.keys.row_bytes() + cell.values.row_bytes());
    total.allocated += cell.keys.allocated_bytes() + cell.values.allocated_bytes();
    total.reserved += cell.keys.reserved_bytes() + cell.values.reserved_bytes();
  }
  return total;
}

void DenseCache::clear() {
  for (Cell& cell : cells_) {
    cell.keys.truncate(0);
    cell.values.truncate(0);
  }
  std::ranges::fill(n_tokens_, 0);
}

}  // namespace proxima
