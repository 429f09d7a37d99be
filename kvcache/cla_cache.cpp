// SPDX-License-Identifier: MIT
#include "kvcache/cla_cache.h"

namespace proxima {
namespace {

std::vector<size_t> count_donors(const std::vector<size_t>& donor) {
  std::vector<size_t> index;
  for (size_t layer = 0; layer < donor.size(); ++layer) {
    index.push_back(layer == 0 ? 0 : index.back() + (donor[layer] == layer ? 1 : 0));
  }
  return index;
}

CacheGeometry only_donors(const CacheGeometry& geometry, const std::vector<size_t>& donor) {
  CacheGeometry donors{0, geometry.n_kv_heads, geometry.head_dim, {}, {}};
  for (size_t layer = 0; layer < geometry.n_layers; ++layer) {
    if (donor[layer] != layer) continue;
    ++donors.n_layers;
    donors.layer_class.push_back(geometry.layer_class[layer]);
    donors.layer_window.push_back(geometry.window(layer));
  }
  return donors;
}

}  // namespace

std::vector<size_t> cla_donors(const CacheGeometry& geometry, size_t factor) {
  std::vector<size_t> donor;
  for (size_t layer = 0; layer < geometry.n_layers; ++layer) {
    const bool starts =
        layer == 0 || layer - donor.back() == factor || geometry.layer_class[layer] != geometry.layer_class[layer - 1];
    donor.push_back(starts ? layer : donor.back());
  }
  return donor;
}

ClaCache::ClaCache(const CacheGeometry& geometry, const CacheCapacity& capacity, size_t factor)
    : geometry_(geometry),
      donor_(cla_donors(geometry, factor)),
      index_(count_donors(donor_)),
      donors_(only_donors(geometry, donor_), capacity) {}

void ClaCache::append(size_t layer, size_t n, const std::byte* keys, const std::byte* values) {
  donors_.append(index_[layer], n, keys, values);
}

void ClaCache::show(size_t layer, size_t kv_head, size_t n_queries, View& view) const {
  donors_.show(index_[layer], kv_head, n_queries, view);
}

CacheBytes ClaCache::bytes(size_t layer) const {
  return appends(layer) ? donors_.bytes(index_[layer]) : CacheBytes{};
}

}  // namespace proxima
