// SPDX-License-Identifier: MIT
#include "kvcache/pod_cache.h"

#include <algorithm>
#include <span>

namespace proxima {

KeptTokens kept_by_borrower(const SharingMap& map, size_t window) {
  if (window <= map.ns + map.nr) return {.n_recent = window};
  return {map.ns, map.nr};
}

PodCache::PodCache(const CacheGeometry& geometry, const CacheCapacity& capacity, const SharingMap& map,
                   const std::optional<GateSettings>& gate)
    : CellCache(geometry, capacity,
                [&](size_t layer, size_t kv_head) {
                  const KeptTokens all{.n_recent = geometry.window(layer)};
                  const bool owns = map.owns_distant_keys(layer, kv_head);
                  return KeptByCell{owns ? all : kept_by_borrower(map, geometry.window(layer)), all};
                }),
      map_(map) {
  if (gate) gate_.emplace(geometry, map, *gate);
}

void PodCache::show(size_t layer, size_t kv_head, size_t n_queries, View& view) const {
  if (map_.lowest(layer, kv_head) != layer) return show_to_gate(layer, kv_head, n_queries, view);
  const Cell& own = cell(layer, kv_head);
  const size_t end = own.values.n_tokens();
  view.clear();
  show_rows(own.keys, own.values, first_visible(geometry().window(layer), end - n_queries), end, 0, SIZE_MAX, view);
}

void PodCache::show_to_gate(size_t layer, size_t kv_head, size_t n_queries, View& view) const {
  const Cell& own = cell(layer, kv_head);
  const size_t end = own.values.n_tokens();  // one past the last query
  const size_t first_query = end - n_queries;
  const size_t oldest = first_visible(geometry().window(layer), first_query);
  const RecentRows& shared = cell(map_.lowest(layer, kv_head), kv_head).keys;
  view.clear();
  const size_t ns = map_.ns;
  const size_t nr = map_.nr;
  show_rows(own.keys, own.values, oldest, std::min(ns, end), 0, SIZE_MAX, view);
  // The last query, at end - 1, has distant tokens up to end - 1 - nr, if its window reaches so far.
  const size_t distant_end = nr < geometry().window(layer) ? end - std::min(end, nr) : 0;
  const size_t n_first = view.size();
  show_rows(shared, own.values, std::max(ns, oldest), distant_end, nr, SIZE_MAX, view);
  for (Segment& distant : std::span(view).subspan(n_first)) distant.distant = true;
  const size_t recent = std::max({ns, oldest, first_visible(nr, first_query)});
  show_rows(own.keys, own.values, recent, end, 0, nr, view);
}

void PodCache::clear() {
  CellCache::clear();
  if (gate_) gate_->clear();
}

}  // namespace proxima
