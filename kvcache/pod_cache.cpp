// SPDX-License-Identifier: MIT
#include "kvcache/pod_cache.h"

#include <algorithm>

namespace proxima {

KeptTokens kept_by_borrower(const SharingMap& map, size_t window) {
  if (window <= map.ns + map.nr) return {.n_recent = window};
  return {map.ns, map.nr};
}

PodCache::PodCache(const CacheGeometry& geometry, const CacheCapacity& capacity, const SharingMap& map)
    : geometry_(geometry), capacity_(capacity), map_(map) {
  cells_.reserve(geometry.n_layers * geometry.n_kv_heads);
  for (size_t layer = 0; layer < geometry.n_layers; ++layer) {
    const KeptTokens all{.n_recent = geometry.window(layer)};
    const KeptTokens borrowing = kept_by_borrower(map, geometry.window(layer));
    for (size_t head = 0; head < geometry.n_kv_heads; ++head) {
      const KeptTokens& keys = map.owns_distant_keys(layer, head) ? all : borrowing;
      cells_.push_back({RecentRows(keys, capacity, geometry.head_dim, capacity.key_dtype),
                        RecentRows(all, capacity, geometry.head_dim, capacity.value_dtype)});
    }
  }
}

void PodCache::begin_prompt() {
  for (Cell& each : cells_) {
    each.keys.begin_prompt();
    each.values.begin_prompt();
  }
}

void PodCache::end_prompt() {
  for (Cell& each : cells_) {
    each.keys.end_prompt();
    each.values.end_prompt();
  }
}

void PodCache::append(size_t layer, size_t n, const std::byte* keys, const std::byte* values) {
  for (size_t head = 0; head < geometry_.n_kv_heads; ++head) {
    Cell& own = cells_[layer * geometry_.n_kv_heads + head];
    const size_t key_bytes = own.keys.row_bytes();
    const size_t value_bytes = own.values.row_bytes();
    own.keys.append(n, keys + head * key_bytes, geometry_.n_kv_heads * key_bytes);
    own.values.append(n, values + head * value_bytes, geometry_.n_kv_heads * value_bytes);
  }
}

void PodCache::show(size_t layer, size_t kv_head, size_t n_queries, View& view) const {
  const Cell& own = cell(layer, kv_head);
  const size_t end = own.values.n_tokens();  // one past the last query
  const size_t first_query = end - n_queries;
  const size_t oldest = first_visible(geometry_.window(layer), first_query);
  const size_t lowest = map_.lowest(layer, kv_head);
  view.clear();
  if (lowest == layer) return show_rows(own.keys, own.values, oldest, end, 0, SIZE_MAX, view);
  const RecentRows& shared = cell(lowest, kv_head).keys;
  const size_t ns = map_.ns;
  const size_t nr = map_.nr;
  show_rows(own.keys, own.values, oldest, std::min(ns, end), 0, SIZE_MAX, view);
  // The last query, at end - 1, has distant tokens up to end - 1 - nr, if its window reaches so far.
  const size_t distant_end = nr < geometry_.window(layer) ? end - std::min(end, nr) : 0;
  show_rows(shared, own.values, std::max(ns, oldest), distant_end, nr, SIZE_MAX, view);
  const size_t recent = std::max({ns, oldest, first_visible(nr, first_query)});
  show_rows(own.keys, own.values, recent, end, 0, nr, view);
}

CacheBytes PodCache::bytes(size_t layer) const {
  CacheBytes total;
  for (size_t head = 0; head < geometry_.n_kv_heads; ++head) {
    total += cell(layer, head).keys.bytes();
    total += cell(layer, head).values.bytes();
  }
  return total;
}

void PodCache::clear() {
  for (Cell& each : cells_) {
    each.keys.clear();
    each.values.clear();
  }
}

}  // namespace proxima
