// SPDX-License-Identifier: MIT
#include "kvcache/sharing_map.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json_file.h"

namespace proxima {
namespace {

using nlohmann::json;

constexpr const char* kFormat = "proxima.sharing-map/1";
constexpr size_t kMaxWindow = size_t{1} << 32;  // far beyond any context, and sums of windows cannot overflow

const json& member(const json& map, const char* key, const std::string& origin) {
  const auto found = map.find(key);
  if (found == map.end()) fail(ErrorKind::kInput, "{}: sharing map has no \"{}\"", origin, key);
  return *found;
}

size_t as_count(const json& value, const char* key, const std::string& origin) {
  if (!value.is_number_unsigned()) {
    fail(ErrorKind::kInput, "{}: \"{}\" must hold whole numbers, not {}", origin, key, value.dump());
  }
  return value.get<size_t>();
}

SharingMap map_of(const json& file, const std::string& origin) {
  if (!file.is_object()) fail(ErrorKind::kInput, "{}: a sharing map is a JSON object", origin);
  if (const json& format = member(file, "format", origin); format != kFormat) {
    fail(ErrorKind::kInput, "{}: format is {}, expected \"{}\"", origin, format.dump(), kFormat);
  }
  SharingMap map;
  map.n_layers = as_count(member(file, "layers", origin), "layers", origin);
  map.n_kv_heads = as_count(member(file, "kv_heads", origin), "kv_heads", origin);
  map.ns = as_count(member(file, "ns", origin), "ns", origin);
  map.nr = as_count(member(file, "nr", origin), "nr", origin);
  if (const auto found = file.find("fingerprint"); found != file.end()) {
    if (!found->is_string()) fail(ErrorKind::kInput, "{}: \"fingerprint\" must be a text", origin);
    map.fingerprint = found->get<std::string>();
  }
  const json& heads = member(file, "block_starts", origin);
  if (!heads.is_array()) fail(ErrorKind::kInput, "{}: \"block_starts\" must be a list of lists", origin);
  for (const json& starts : heads) {
    if (!starts.is_array()) fail(ErrorKind::kInput, "{}: \"block_starts\" must be a list of lists", origin);
    auto& list = map.block_starts.emplace_back();
    for (const json& start : starts) list.push_back(as_count(start, "block_starts", origin));
  }
  return map;
}

}  // namespace

size_t SharingMap::lowest(size_t layer, size_t kv_head) const {
  const auto& starts = block_starts[kv_head];
  return *std::prev(std::ranges::upper_bound(starts, layer));
}

double SharingMap::borrowed_share() const {
  size_t n_blocks = 0;
  for (const auto& starts : block_starts) n_blocks += starts.size();
  return 1 - static_cast<double>(n_blocks) / static_cast<double>(n_layers * n_kv_heads);
}

void SharingMap::validate(const CacheGeometry& geometry, const std::string& origin) const {
  if (n_layers != geometry.n_layers || n_kv_heads != geometry.n_kv_heads) {
    fail(ErrorKind::kInput,
         "{}: the map is for {} layers and {} KV heads, the model has {} and {}; use a map made for this model", origin,
         n_layers, n_kv_heads, geometry.n_layers, geometry.n_kv_heads);
  }
  if (nr < 1)
    fail(ErrorKind::kInput, "{}: nr must be at least 1, since a query is among its own recent tokens", origin);
  if (ns > kMaxWindow || nr > kMaxWindow) {
    fail(ErrorKind::kInput, "{}: ns is {} and nr {}; neither may exceed {}", origin, ns, nr, kMaxWindow);
  }
  if (block_starts.size() != n_kv_heads) {
    fail(ErrorKind::kInput, "{}: block_starts has {} lists for {} KV heads", origin, block_starts.size(), n_kv_heads);
  }
  for (size_t head = 0; head < n_kv_heads; ++head) {
    const auto& starts = block_starts[head];
    if (starts.empty() || starts.front() != 0) {
      fail(ErrorKind::kInput, "{}: the blocks of KV head {} must start at layer 0", origin, head);
    }
    for (size_t block = 1; block < starts.size(); ++block) {
      if (starts[block] <= starts[block - 1] || starts[block] >= n_layers) {
        fail(ErrorKind::kInput, "{}: block starts of KV head {} must ascend and stay below {} layers; {} follows {}",
             origin, head, n_layers, starts[block], starts[block - 1]);
      }
    }
    for (size_t layer = 1; layer < n_layers; ++layer) {
      if (!owns_distant_keys(layer, head) && geometry.layer_class[layer] != geometry.layer_class[layer - 1]) {
        fail(ErrorKind::kInput,
             "{}: the block of KV head {} that starts at layer {} crosses layer {}, where rotation, window or head "
             "geometry change; let a block start there",
             origin, head, lowest(layer, head), layer);
      }
    }
  }
}

SharingMap read_sharing_map(const std::filesystem::path& path) {
  return map_of(read_json_file(path), path.string());
}

SharingMap parse_sharing_map(std::string_view text, const std::string& origin) {
  return map_of(parse_json(text, origin), origin);
}

std::string sharing_map_text(const SharingMap& map) {
  nlohmann::ordered_json file = {{"format", kFormat}, {"layers", map.n_layers}, {"kv_heads", map.n_kv_heads},
                                 {"ns", map.ns},      {"nr", map.nr},           {"block_starts", map.block_starts}};
  if (!map.fingerprint.empty()) file["fingerprint"] = map.fingerprint;
  return file.dump();
}

SharingMap uniform_sharing_map(const CacheGeometry& geometry, size_t block_layers) {
  if (block_layers == 0) fail(ErrorKind::kUsage, "a block of 0 layers cannot share keys; blocks start at 1 layer");
  SharingMap map{.n_layers = geometry.n_layers, .n_kv_heads = geometry.n_kv_heads, .block_starts = {}};
  std::vector<size_t> starts;
  for (size_t layer = 0; layer < geometry.n_layers; ++layer) {
    const bool changes = layer == 0 || geometry.layer_class[layer] != geometry.layer_class[layer - 1];
    if (changes || layer - starts.back() == block_layers) starts.push_back(layer);
  }
  map.block_starts.assign(geometry.n_kv_heads, starts);
  return map;
}

}  // namespace proxima
