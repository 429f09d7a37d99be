// SPDX-License-Identifier: MIT
#include "kvcache/pod_cache.h"

#include <algorithm>
#include <cassert>

namespace proxima {

PodCache::PodCache(const CacheGeometry& geometry, const CacheCapacity& capacity, const SharingMap& map)
    : geometry_(geometry), capacity_(capacity), map_(map), ring_(map.nr), n_tokens_(geometry.n_layers) {
  const size_t ring_rows = std::min(capacity.max_context, map.ns + map.nr + capacity.max_chunk - 1);
  cells_.reserve(geometry.n_layers * geometry.n_kv_heads);
  for (size_t layer = 0; layer < geometry.n_layers; ++layer) {
    for (size_t head = 0; head < geometry.n_kv_heads; ++head) {
      const size_t key_rows = map.owns_distant_keys(layer, head) ? capacity.max_context : ring_rows;
      cells_.push_back({RowStore(key_rows, geometry.head_dim, capacity.key_dtype),
                        RowStore(capacity.max_context, geometry.head_dim, capacity.value_dtype)});
    }
  }
}

void PodCache::append(size_t layer, size_t n, const std::byte* keys, const std::byte* values) {
  assert(map_.nr + n - 1 <= ring_);
  const size_t first = n_tokens_[layer];
  for (size_t head = 0; head < geometry_.n_kv_heads; ++head) {
    Cell& target = cell(layer, head);
    const size_t key_stride = geometry_.n_kv_heads * target.keys.row_bytes();
    const size_t value_stride = geometry_.n_kv_heads * target.values.row_bytes();
    const std::byte* head_keys = keys + head * target.keys.row_bytes();
    if (map_.owns_distant_keys(layer, head)) {
      target.keys.write(first, n, head_keys, key_stride);
    } else {
      append_to_ring(target, first, n, head_keys, key_stride);
    }
    target.values.write(first, n, values + head * target.values.row_bytes(), value_stride);
  }
  n_tokens_[layer] += n;
}

void PodCache::append_to_ring(Cell& target, size_t first, size_t n, const std::byte* keys, size_t stride) {
  for (size_t done = 0; done < n;) {
    const size_t position = first + done;
    const bool sink = position < map_.ns;
    const size_t slot = sink ? position : ring_slot(position);
    const size_t run_end = sink ? map_.ns : map_.ns + ring_;
    const size_t count = std::min(n - done, run_end - slot);
    target.keys.write(slot, count, keys + done * stride, stride);
    done += count;
  }
}

void PodCache::show(size_t layer, size_t kv_head, size_t n_queries, View& view) const {
  const Cell& own = cell(layer, kv_head);
  const StoredRows keys = own.keys.rows();
  const StoredRows values = own.values.rows();
  const size_t end = n_tokens_[layer];  // one past the last query
  const size_t lowest = map_.lowest(layer, kv_head);
  view.clear();
  if (lowest == layer) {
    view.push_back({.keys = keys, .values = values, .count = end});
    return;
  }
  const size_t ns = map_.ns;
  const size_t nr = map_.nr;
  if (ns > 0) view.push_back({.keys = keys, .values = values, .count = std::min(ns, end)});
  if (end > ns + nr) {  // the last query, at end - 1, has distant tokens up to end - 1 - nr
    const StoredRows shared = cell(lowest, kv_head).keys.rows();
    view.push_back(
        {.keys = shared.from(ns), .values = values.from(ns), .first = ns, .count = end - nr - ns, .min_age = nr});
  }
  const size_t first_query = end - n_queries;
  size_t begin = std::max(ns, first_query + 1 > nr ? first_query + 1 - nr : 0);
  while (begin < end) {  // twice where the ring wraps
    const size_t slot = ring_slot(begin);
    const size_t count = std::min(end - begin, ns + ring_ - slot);
    view.push_back(
        {.keys = keys.from(slot), .values = values.from(begin), .first = begin, .count = count, .max_age = nr});
    begin += count;
  }
}

// Moves the last nr keys of every ring to where a ring of the new size wants them.
void PodCache::resize_rings(size_t ring) {
  if (ring == ring_) return;
  std::vector<std::byte> kept;
  for (size_t layer = 0; layer < geometry_.n_layers; ++layer) {
    const size_t end = n_tokens_[layer];
    const size_t begin = std::max(map_.ns, end > map_.nr ? end - map_.nr : 0);
    for (size_t head = 0; head < geometry_.n_kv_heads && begin < end; ++head) {
      if (map_.owns_distant_keys(layer, head)) continue;
      RowStore& keys = cell(layer, head).keys;
      kept.clear();
      for (size_t position = begin; position < end; ++position) {
        const std::byte* row = keys.rows().from(ring_slot(position)).data;
        kept.insert(kept.end(), row, row + keys.row_bytes());
      }
      std::swap(ring_, ring);
      keys.truncate(std::min(map_.ns + ring_, end));
      append_to_ring(cell(layer, head), begin, end - begin, kept.data(), keys.row_bytes());
      std::swap(ring_, ring);
    }
  }
  ring_ = ring;
}

size_t PodCache::proximal_tokens(size_t n_tokens) const {
  return std::min(n_tokens, map_.ns + map_.nr);
}

CacheBytes PodCache::bytes(size_t layer) const {
  CacheBytes total;
  const size_t n_tokens = n_tokens_[layer];
  for (size_t head = 0; head < geometry_.n_kv_heads; ++head) {
    const Cell& own = cell(layer, head);
    const bool owns = map_.owns_distant_keys(layer, head);
    const size_t n_keys = owns ? n_tokens : proximal_tokens(n_tokens);
    total.logical += n_keys * own.keys.row_bytes() + n_tokens * own.values.row_bytes();
    if (!owns) total.slack += (std::min(n_tokens, map_.ns + ring_) - n_keys) * own.keys.row_bytes();
    total.allocated += own.keys.allocated_bytes() + own.values.allocated_bytes();
    total.reserved += own.keys.reserved_bytes() + own.values.reserved_bytes();
  }
  return total;
}

void PodCache::clear() {
  for (Cell& each : cells_) {
    each.keys.truncate(0);
    each.values.truncate(0);
  }
  std::ranges::fill(n_tokens_, 0);
  ring_ = map_.nr;
}

}  // namespace proxima
