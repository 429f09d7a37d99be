// SPDX-License-Identifier: MIT
// How a selection is saved and restored: its rows, and of each block the sums that say which tokens are kept.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "core/error.h"
#include "kvcache/selected_cache.h"

namespace proxima {
namespace {

constexpr std::string_view kSums = ".sums";
constexpr std::string_view kPromptEnd = "prompt_end";  // its one row's position is the prompt's last
constexpr double kZero = 0;
const std::byte* const kNoRow = reinterpret_cast<const std::byte*>(&kZero);

}  // namespace

KeptRows SelectedCache::key_rows(size_t layer, size_t kv_head) const {
  const Block& own = block(layer, kv_head);
  const bool owns = lowest(layer, kv_head) == layer;
  KeptRows rows =
      KeptRows::of(fmt::format("layers.{}.heads.{}.keys", layer, kv_head), capacity().key_dtype, geometry().head_dim);
  const StoredRows stored = cells_[index(layer, kv_head)].keys.rows();
  for (size_t rank = 0; rank < own.n_ranks(); ++rank) {
    if (!holds_key(own, owns, rank)) continue;
    rows.runs.push_back({own.positions[rank], 1, stored.from(key_row(own, owns, rank)).data});
  }
  return rows;
}

KeptRows SelectedCache::value_rows(size_t layer, size_t kv_head) const {
  const Block& own = block(layer, kv_head);
  KeptRows rows = KeptRows::of(fmt::format("layers.{}.heads.{}.values", layer, kv_head), capacity().value_dtype,
                               geometry().head_dim);
  const StoredRows stored = cells_[index(layer, kv_head)].values.rows();
  for (size_t rank = 0; rank < own.n_ranks(); ++rank) {
    rows.runs.push_back({own.positions[rank], 1, stored.from(rank).data});
  }
  return rows;
}

KeptRows SelectedCache::sum_rows(size_t layer, size_t kv_head) const {
  const Block& own = block(layer, kv_head);
  KeptRows rows{fmt::format("layers.{}.heads.{}{}", layer, kv_head, kSums), DType::kF64, 1, {}};
  for (size_t rank = 0; rank < own.n_ranks(); ++rank) {
    rows.runs.push_back({own.positions[rank], 1, reinterpret_cast<const std::byte*>(&own.sums[rank])});
  }
  return rows;
}

// The sums are there for H2O, and say which tokens are kept.
std::vector<KeptRows> SelectedCache::save() const {
  if (n_tokens() == 0) return {};
  if (!selected_) throw std::logic_error("a selection is saved after end_prompt()");
  std::vector<KeptRows> stores = {{std::string(kPromptEnd), DType::kF64, 1, {{prompt_end_ - 1, 1, kNoRow}}}};
  for (size_t layer = 0; layer < geometry().n_layers; ++layer) {
    for (size_t head = 0; head < geometry().n_kv_heads; ++head) {
      stores.push_back(key_rows(layer, head));
      stores.push_back(value_rows(layer, head));
      if (lowest(layer, head) == layer) stores.push_back(sum_rows(layer, head));
    }
  }
  return stores;
}

void SelectedCache::restore(size_t n_tokens, const std::vector<KeptRows>& stores, const std::string& origin) {
  clear();
  if (n_tokens == 0) return;
  if (n_tokens > capacity().max_context) {
    fail(ErrorKind::kContext, "{}: {} tokens are more than the {} this cache has room for", origin, n_tokens,
         capacity().max_context);
  }
  const KeptRows& end = find_rows(stores, std::string(kPromptEnd), DType::kF64, 1, origin);
  if (end.runs.empty()) fail(ErrorKind::kInput, "{}: {} is empty", origin, kPromptEnd);
  prompt_end_ = end.runs.front().first + 1;
  n_tokens_ = n_tokens;
  selected_ = true;
  set_budgets();
  for (size_t layer = 0; layer < geometry().n_layers; ++layer) {
    for (size_t head = 0; head < geometry().n_kv_heads; ++head) {
      if (lowest(layer, head) == layer) restore_block(layer, head, stores, origin);
      make_cell(layer, head);
      restore_cell(layer, head, stores, origin);
    }
  }
}

void SelectedCache::restore_block(size_t layer, size_t kv_head, const std::vector<KeptRows>& stores,
                                  const std::string& origin) {
  Block& own = blocks_[index(layer, kv_head)];
  for (const RowRun& run : find_rows(stores, sum_rows(layer, kv_head).name, DType::kF64, 1, origin).runs) {
    for (size_t row = 0; row < run.count; ++row) {
      own.positions.push_back(static_cast<uint32_t>(run.first + row));
      std::memcpy(&own.sums.emplace_back(), run.data + row * sizeof(double), sizeof(double));
    }
  }
  set_ranks(own);
}

void SelectedCache::restore_cell(size_t layer, size_t kv_head, const std::vector<KeptRows>& stores,
                                 const std::string& origin) {
  const Block& own = block(layer, kv_head);
  Cell& cell = cells_[index(layer, kv_head)];
  const bool owns = lowest(layer, kv_head) == layer;
  size_t rank = 0;
  for (const RowRun& run : find_same_rows(stores, value_rows(layer, kv_head), origin).runs) {
    cell.values.write(rank, run.count, run.data, cell.values.row_bytes());
    rank += run.count;
  }
  rank = 0;
  for (const RowRun& run : find_same_rows(stores, key_rows(layer, kv_head), origin).runs) {
    for (size_t row = 0; row < run.count; ++row, ++rank) {
      while (!holds_key(own, owns, rank)) ++rank;
      cell.keys.write(key_row(own, owns, rank), 1, run.data + row * cell.keys.row_bytes(), 0);
    }
  }
}

}  // namespace proxima
