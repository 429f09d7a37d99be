// SPDX-License-Identifier: MIT
#include "kvcache/cell_cache.h"

#include "core/error.h"
#include "core/huge_pages.h"

namespace proxima {

CellCache::CellCache(const CacheGeometry& geometry, const CacheCapacity& capacity,
                     const std::function<KeptByCell(size_t layer, size_t kv_head)>& kept)
    : geometry_(geometry), capacity_(capacity) {
  cells_.reserve(geometry.n_layers * geometry.n_kv_heads);
  for (size_t layer = 0; layer < geometry.n_layers; ++layer) {
    for (size_t head = 0; head < geometry.n_kv_heads; ++head) {
      const KeptByCell tokens = kept(layer, head);
      cells_.push_back({RecentRows(tokens.keys, capacity, geometry.head_dim, capacity.key_dtype),
                        RecentRows(tokens.values, capacity, geometry.head_dim, capacity.value_dtype)});
    }
  }
}

void CellCache::begin_prompt(size_t /*n_tokens*/) {
  for (Cell& each : cells_) {
    each.keys.begin_prompt();
    each.values.begin_prompt();
  }
}

void CellCache::end_prompt() {
  for (Cell& each : cells_) {
    each.keys.end_prompt();
    each.values.end_prompt();
  }
  settle();
}

// Of two stores side by side the end of the one and the beginning of the other can share a huge page.
void CellCache::settle() const {
  std::vector<std::span<const std::byte>> ranges;
  for (const Cell& each : cells_) {
    ranges.push_back(each.keys.allocated());
    ranges.push_back(each.values.allocated());
  }
  move_to_huge_pages(ranges);
}

void CellCache::append(size_t layer, size_t n, const std::byte* keys, const std::byte* values) {
  for (size_t head = 0; head < geometry_.n_kv_heads; ++head) {
    Cell& own = cells_[layer * geometry_.n_kv_heads + head];
    const size_t key_bytes = own.keys.row_bytes();
    const size_t value_bytes = own.values.row_bytes();
    own.keys.append(n, keys + head * key_bytes, geometry_.n_kv_heads * key_bytes);
    own.values.append(n, values + head * value_bytes, geometry_.n_kv_heads * value_bytes);
  }
}

CacheBytes CellCache::bytes(size_t layer) const {
  CacheBytes total;
  for (size_t head = 0; head < geometry_.n_kv_heads; ++head) {
    total += cell(layer, head).keys.bytes();
    total += cell(layer, head).values.bytes();
  }
  return total;
}

void CellCache::clear() {
  for (Cell& each : cells_) {
    each.keys.clear();
    each.values.clear();
  }
}

template <class Cells, class Visit>
void CellCache::each_store(Cells& cells, Visit visit) const {
  for (size_t index = 0; index < cells.size(); ++index) {
    const std::string name =
        fmt::format("layers.{}.heads.{}", index / geometry_.n_kv_heads, index % geometry_.n_kv_heads);
    visit(cells[index].keys, name + ".keys", capacity_.key_dtype);
    visit(cells[index].values, name + ".values", capacity_.value_dtype);
  }
}

std::vector<KeptRows> CellCache::save() const {
  std::vector<KeptRows> stores;
  each_store(cells_, [&](const RecentRows& store, const std::string& name, DType dtype) {
    stores.push_back(KeptRows::of(name, dtype, geometry_.head_dim));
    stores.back().runs = store.kept(store.n_tokens());
  });
  return stores;
}

void CellCache::restore(size_t n_tokens, const std::vector<KeptRows>& stores, const std::string& origin) {
  if (n_tokens > capacity_.max_context) {
    fail(ErrorKind::kContext, "{}: {} tokens are more than the {} this cache has room for", origin, n_tokens,
         capacity_.max_context);
  }
  if (stores.size() != 2 * cells_.size()) {
    fail(ErrorKind::kInput, "{}: holds {} stores of rows, this cache has {}", origin, stores.size(), 2 * cells_.size());
  }
  each_store(cells_, [&](RecentRows& store, const std::string& name, DType dtype) {
    KeptRows expected = KeptRows::of(name, dtype, geometry_.head_dim);
    expected.runs = store.kept(n_tokens);
    store.restore(n_tokens, find_same_rows(stores, expected, origin).runs);
  });
  settle();
}

}  // namespace proxima
