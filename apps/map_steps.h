// SPDX-License-Identifier: MIT
// Sharing maps grown cell by cell: at first every (layer, KV head) keeps its own keys, then one after the other becomes
// a borrower. Blocks stay intervals: who borrowed from a new borrower now borrows from its donor.
#pragma once

#include <vector>

#include "kvcache/sharing_map.h"

namespace proxima {

// A cell that keeps its own keys, and the nearest lower layer of its head that does.
struct Cell {
  size_t layer = 0;
  size_t kv_head = 0;
  size_t donor = 0;

  bool operator==(const Cell&) const = default;
};

// Nobody borrows.
SharingMap identity_map(const CacheGeometry& geometry, size_t ns, size_t nr);

// The cells that could become borrowers, by layer, then by head.
std::vector<Cell> borrowable_cells(const SharingMap& map, const CacheGeometry& geometry);

// The layer behind the last one of the cell's block.
size_t block_end(const SharingMap& map, const Cell& cell);

void borrow(SharingMap& map, const Cell& cell);

// Layers [begin, end) of one class: within them blocks may lie.
struct LayerRun {
  size_t begin = 0;
  size_t end = 0;
};
std::vector<LayerRun> layer_runs(const CacheGeometry& geometry);  // those of at least two layers

// Throws Error(kInput) if no two neighbouring layers of the model may share at all.
void require_sharable_layers(const CacheGeometry& geometry);

}  // namespace proxima
