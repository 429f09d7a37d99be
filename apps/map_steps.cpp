// SPDX-License-Identifier: MIT
#include "apps/map_steps.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"

namespace proxima {

SharingMap identity_map(const CacheGeometry& geometry, size_t ns, size_t nr) {
  std::vector<size_t> starts(geometry.n_layers);
  std::iota(starts.begin(), starts.end(), size_t{0});
  SharingMap map{
      .n_layers = geometry.n_layers, .n_kv_heads = geometry.n_kv_heads, .ns = ns, .nr = nr, .block_starts = {}};
  map.block_starts.assign(geometry.n_kv_heads, starts);
  return map;
}

std::vector<Cell> borrowable_cells(const SharingMap& map, const CacheGeometry& geometry) {
  std::vector<Cell> cells;
  for (size_t layer = 1; layer < map.n_layers; ++layer) {
    if (geometry.layer_class[layer] != geometry.layer_class[layer - 1]) continue;
    for (size_t head = 0; head < map.n_kv_heads; ++head) {
      if (map.owns_distant_keys(layer, head)) cells.push_back({layer, head, map.lowest(layer - 1, head)});
    }
  }
  return cells;
}

size_t block_end(const SharingMap& map, const Cell& cell) {
  const auto& starts = map.block_starts[cell.kv_head];
  const auto next = std::ranges::upper_bound(starts, cell.layer);
  return next == starts.end() ? map.n_layers : *next;
}

void borrow(SharingMap& map, const Cell& cell) {
  std::erase(map.block_starts[cell.kv_head], cell.layer);
}

std::vector<LayerRun> layer_runs(const CacheGeometry& geometry) {
  std::vector<LayerRun> runs;
  for (size_t begin = 0, layer = 1; layer <= geometry.n_layers; ++layer) {
    if (layer < geometry.n_layers && geometry.layer_class[layer] == geometry.layer_class[begin]) continue;
    if (layer - begin > 1) runs.push_back({begin, layer});
    begin = layer;
  }
  return runs;
}

void require_sharable_layers(const CacheGeometry& geometry) {
  if (!layer_runs(geometry).empty()) return;
  fail(ErrorKind::kInput,
       "no two neighbouring layers of this model rotate and mask alike, so none can share keys; PoD is not for it");
}

}  // namespace proxima
