// SPDX-License-Identifier: MIT
// StreamingLLM (arXiv 2309.17453): every layer sees the first tokens, its attention sinks, and the recent ones; what
// lies between is forgotten. Without sinks it is plain window attention.
//
// Positions by slot are those of the method: the kept tokens count from 0 without a gap. Slots differ from positions
// only in the distance between a query and the sinks, so a query turns to the sinks as rotated at the last slot.
#pragma once

#include "kvcache/cell_cache.h"

namespace proxima {

struct WindowSettings {
  size_t n_first = 16;
  size_t n_recent = 4080;  // the query's own token included; at least 1
  bool slots = false;      // positions by slot, as for texts beyond the trained length; else as in the text

  bool operator==(const WindowSettings&) const = default;
};

class WindowCache final : public CellCache {
 public:
  WindowCache(const CacheGeometry& geometry, const CacheCapacity& capacity, const WindowSettings& settings);

  void show(size_t layer, size_t kv_head, size_t n_queries, View& view) const override;
  size_t query_cap() const override;

 private:
  WindowSettings settings_;
};

// The tokens that a layer of this sliding window keeps.
KeptTokens kept_by_window(const WindowSettings& settings, size_t layer_window);

}  // namespace proxima
