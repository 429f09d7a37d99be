// SPDX-License-Identifier: MIT
#include "kvcache/pod_cache.h"

#include <algorithm>

namespace proxima {

KeptTokens kept_by_borrower(const SharingMap& map, size_t window) {
  if (window <= map.ns + map.nr) return {.n_recent = window};
  return {map.ns, map.nr};
}

PodCache::PodCache(const CacheGeometry& geometry, const CacheCapacity& capacity, const SharingMap& map)
    : CellCache(geometry, capacity,
                [&](size_t layer, size_t kv_head) {
                  const KeptTokens all{.n_recent = geometry.window(layer)};
                  const bool owns = map.owns_distant_keys(layer, kv_head);
                  return KeptByCell{owns ? all : kept_by_borrower(map, geometry.window(layer)), all};
                }),
      map_(map) {}

void PodCache::show(size_t layer, size_t kv_head, size_t n_queries, View& view) const {
  const Cell& own = cell(layer, kv_head);
  const size_t end = own.values.n_tokens();  // one past the last query
  const size_t first_query = end - n_queries;
  const size_t oldest = first_visible(geometry().window(layer), first_query);
  const size_t lowest = map_.lowest(layer, kv_head);
  view.clear();
  if (lowest == layer) return show_rows(own.keys, own.values, oldest, end, 0, SIZE_MAX, view);
  const RecentRows& shared = cell(lowest, kv_head).keys;
  const size_t ns = map_.ns;
  const size_t nr = map_.nr;
  show_rows(own.keys, own.values, oldest, std::min(ns, end), 0, SIZE_MAX, view);
  // The last query, at end - 1, has distant tokens up to end - 1 - nr, if its window reaches so far.
  const size_t distant_end = nr < geometry().window(layer) ? end - std::min(end, nr) : 0;
  show_rows(shared, own.values, std::max(ns, oldest), distant_end, nr, SIZE_MAX, view);
  const size_t recent = std::max({ns, oldest, first_visible(nr, first_query)});
  show_rows(own.keys, own.values, recent, end, 0, nr, view);
}

}  // namespace proxima
