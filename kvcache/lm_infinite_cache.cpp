// SPDX-License-Identifier: MIT
#include "kvcache/lm_infinite_cache.h"

#include <fmt/format.h>

#include <algorithm>

namespace proxima {
namespace {

constexpr std::string_view kUnrotated = ".unrotated_keys";

}  // namespace

LmInfiniteCache::LmInfiniteCache(const CacheGeometry& geometry, const CacheCapacity& capacity,
                                 const LmInfiniteSettings& settings)
    : CellCache(geometry, capacity,
                [&](size_t, size_t) {
                  return KeptByCell{{.n_recent = settings.n_local}, {settings.n_global, settings.n_local}};
                }),
      settings_(settings) {
  unrotated_.reserve(geometry.n_layers * geometry.n_kv_heads);
  for (size_t index = 0; index < geometry.n_layers * geometry.n_kv_heads; ++index) {
    unrotated_.emplace_back(n_global(capacity.max_context), geometry.head_dim, capacity.key_dtype);
  }
}

void LmInfiniteCache::append_unrotated(size_t layer, size_t n, const std::byte* keys) {
  const size_t n_heads = geometry().n_kv_heads;
  for (size_t head = 0; head < n_heads; ++head) {
    RowStore& rows = unrotated_[layer * n_heads + head];
    const size_t first = n_global(cell(layer, head).keys.n_tokens());
    const size_t count = std::min(n, n_global(SIZE_MAX) - first);
    rows.write(first, count, keys + head * rows.row_bytes(), n_heads * rows.row_bytes());
  }
}

void LmInfiniteCache::show(size_t layer, size_t kv_head, size_t n_queries, View& view) const {
  const Cell& own = cell(layer, kv_head);
  const size_t end = own.values.n_tokens();
  view.clear();
  if (end > settings_.n_local) {
    view.push_back({.keys = unrotated_[layer * geometry().n_kv_heads + kv_head].rows(),
                    .values = own.values.at(0),
                    .first = 0,
                    .count = n_global(end),
                    .min_age = settings_.n_local,
                    .capped = true});
  }
  show_rows(own.keys, own.values, first_visible(settings_.n_local, end - n_queries), end, 0, settings_.n_local, view);
}

CacheBytes LmInfiniteCache::bytes(size_t layer) const {
  CacheBytes total = CellCache::bytes(layer);
  for (size_t head = 0; head < geometry().n_kv_heads; ++head) {
    const RowStore& rows = unrotated_[layer * geometry().n_kv_heads + head];
    const size_t n_rows = n_global(cell(layer, head).keys.n_tokens());
    total += {n_rows * rows.row_bytes(), 0, rows.allocated_bytes(), rows.reserved_bytes()};
  }
  return total;
}

void LmInfiniteCache::clear() {
  CellCache::clear();
  for (RowStore& rows : unrotated_) rows.truncate(0);
}

KeptRows LmInfiniteCache::unrotated_rows(size_t index, size_t n_tokens) const {
  const std::string name =
      fmt::format("layers.{}.heads.{}{}", index / geometry().n_kv_heads, index % geometry().n_kv_heads, kUnrotated);
  KeptRows rows = KeptRows::of(name, capacity().key_dtype, geometry().head_dim);
  if (n_global(n_tokens) > 0) rows.runs.push_back({0, n_global(n_tokens), unrotated_[index].rows().data});
  return rows;
}

std::vector<KeptRows> LmInfiniteCache::save() const {
  std::vector<KeptRows> stores = CellCache::save();
  for (size_t index = 0; index < unrotated_.size(); ++index) stores.push_back(unrotated_rows(index, n_tokens()));
  return stores;
}

void LmInfiniteCache::restore(size_t n_tokens, const std::vector<KeptRows>& stores, const std::string& origin) {
  const SplitStores split = split_stores(stores, kUnrotated);
  CellCache::restore(n_tokens, split.others, origin);
  for (size_t index = 0; index < unrotated_.size(); ++index) {
    for (const RowRun& run : find_same_rows(split.matching, unrotated_rows(index, n_tokens), origin).runs) {
      unrotated_[index].write(run.first, run.count, run.data, unrotated_[index].row_bytes());
    }
  }
}

}  // namespace proxima
