// SPDX-License-Identifier: MIT
// Which layers share the keys of distant tokens (PoD, arXiv 2412.02252): per KV head, the layers are cut into blocks of
// consecutive layers; in a block, distant keys are those of its lowest layer. ns first and nr recent tokens, the query
// itself included, keep their own keys in every layer.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "kvcache/kv_cache.h"

namespace proxima {

struct SharingMap {
  size_t n_layers = 0;
  size_t n_kv_heads = 0;
  size_t ns = 16;
  size_t nr = 4080;                               // at least 1
  std::vector<std::vector<size_t>> block_starts;  // [n_kv_heads], each ascending from 0
  std::string fingerprint = {};                   // of the weights it was made for; empty where the file says none

  // The layer whose distant keys a cell uses; the cell's own layer where it starts a block.
  size_t lowest(size_t layer, size_t kv_head) const;
  bool owns_distant_keys(size_t layer, size_t kv_head) const { return lowest(layer, kv_head) == layer; }
  // s = 1 - blocks / cells: the share of cells that borrow. The saving of KV bytes tends to s/2 with length.
  double borrowed_share() const;

  // Throws Error(kInput) unless the map is well formed, fits the geometry and no block crosses a change of layer class.
  // `origin` names the map in messages.
  void validate(const CacheGeometry& geometry, const std::string& origin) const;

  bool operator==(const SharingMap&) const = default;
};

// Reads a map file ({"format": "proxima.sharing-map/1", "layers", "kv_heads", "ns", "nr", "block_starts"} and, where it
// is bound to one model's weights, "fingerprint"; other keys are provenance). Throws Error(kInput) naming the file and
// the key.
SharingMap read_sharing_map(const std::filesystem::path& path);
// The same of the text of such a file, and such a text, on one line. `origin` names the map in messages.
SharingMap parse_sharing_map(std::string_view text, const std::string& origin);
std::string sharing_map_text(const SharingMap& map);

// Blocks of block_layers layers, fewer before a change of layer class, for every head; throws Error(kUsage) if that is
// 0.
SharingMap uniform_sharing_map(const CacheGeometry& geometry, size_t block_layers);

}  // namespace proxima
