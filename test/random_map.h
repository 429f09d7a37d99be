// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "kvcache/sharing_map.h"
#include "test/random.h"

namespace proxima::test {

// Layers of a few classes, with windows or without.
inline CacheGeometry random_geometry(Random& random) {
  CacheGeometry geometry{random.between(1, 6), random.between(1, 3), random.between(4, 7), {}, {}};
  for (size_t layer = 0; layer < geometry.n_layers; ++layer) {
    const bool changes = layer == 0 || random.below(3) == 0;
    const size_t window = random.below(2) == 0 ? SIZE_MAX : random.between(1, 90);
    geometry.layer_class.push_back(changes ? layer : geometry.layer_class.back());
    geometry.layer_window.push_back(changes ? window : geometry.layer_window.back());
  }
  return geometry;
}

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
