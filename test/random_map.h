// SPDX-License-Identifier: MIT
#pragma once

#include "kvcache/sharing_map.h"
#include "test/random.h"

namespace proxima::test {

// Any blocks that no change of layer class cuts, small windows: rings wrap soon.
inline SharingMap random_map(const CacheGeometry& geometry, Random& random) {
  SharingMap map{geometry.n_layers, geometry.n_kv_heads, random.below(2) * random.below(20), random.between(1, 40), {}};
  for (size_t head = 0; head < geometry.n_kv_heads; ++head) {
    auto& starts = map.block_starts.emplace_back(1, 0);
    for (size_t layer = 1; layer < geometry.n_layers; ++layer) {
      const bool changes = geometry.layer_class[layer] != geometry.layer_class[layer - 1];
      if (random.below(3) == 0 || changes) starts.push_back(layer);
    }
  }
  return map;
}

}  // namespace proxima::test
