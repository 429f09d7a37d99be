// SPDX-License-Identifier: MIT
#include "kvcache/dense_cache.h"

namespace proxima {

DenseCache::DenseCache(const CacheGeometry& geometry, const CacheCapacity& capacity)
    : CellCache(geometry, capacity, [&](size_t layer, size_t) {
        const KeptTokens all{.n_recent = geometry.window(layer)};
        return KeptByCell{all, all};
      }) {}

void DenseCache::show(size_t layer, size_t kv_head, size_t n_queries, View& view) const {
  const Cell& own = cell(layer, kv_head);
  const size_t end = own.values.n_tokens();
  view.clear();
  show_rows(own.keys, own.values, first_visible(geometry().window(layer), end - n_queries), end, 0, SIZE_MAX, view);
}

}  // namespace proxima
