// SPDX-License-Identifier: MIT
#include "kvcache/window_cache.h"

#include <algorithm>

namespace proxima {

KeptTokens kept_by_window(const WindowSettings& settings, size_t layer_window) {
  if (layer_window <= settings.n_recent) return {.n_recent = layer_window};
  return {settings.n_first, settings.n_recent};
}

WindowCache::WindowCache(const CacheGeometry& geometry, const CacheCapacity& capacity, const WindowSettings& settings)
    : CellCache(geometry, capacity,
                [&](size_t layer, size_t) {
                  const KeptTokens kept = kept_by_window(settings, geometry.window(layer));
                  return KeptByCell{kept, kept};
                }),
      settings_(settings) {}

void WindowCache::show(size_t layer, size_t kv_head, size_t n_queries, View& view) const {
  const Cell& own = cell(layer, kv_head);
  const size_t end = own.values.n_tokens();
  const size_t first_query = end - n_queries;
  const KeptTokens kept = kept_by_window(settings_, geometry().window(layer));
  view.clear();
  show_rows(own.keys, own.values, 0, std::min(kept.n_first, end), 0, SIZE_MAX, view);
  for (Segment& sinks : view) sinks.capped = settings_.slots;
  show_rows(own.keys, own.values, std::max(kept.n_first, first_visible(kept.n_recent, first_query)), end, 0,
            kept.n_recent, view);
}

size_t WindowCache::query_cap() const {
  return settings_.slots ? settings_.n_first + settings_.n_recent - 1 : SIZE_MAX;
}

}  // namespace proxima
