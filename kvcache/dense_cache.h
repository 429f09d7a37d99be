// SPDX-License-Identifier: MIT
// The full cache: every key and value that a layer may still use: all of them, or the last ones of its sliding window.
#pragma once

#include "kvcache/cell_cache.h"

namespace proxima {

class DenseCache final : public CellCache {
 public:
  DenseCache(const CacheGeometry& geometry, const CacheCapacity& capacity);

  void show(size_t layer, size_t kv_head, size_t n_queries, View& view) const override;
};

}  // namespace proxima
