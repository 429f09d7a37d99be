// SPDX-License-Identifier: MIT
#include "kvcache/selected_cache.h"

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace proxima {
namespace {

// The keys and values that a view shows the last query of one position.
struct ShownRow {
  const std::byte* key;
  const std::byte* value;
};
ShownRow shown_row(const View& view, size_t position, size_t query) {
  for (const Segment& segment : view) {
    const RowRange rows = visible_rows(segment, query);
    const size_t row = segment.row_of(position);
    if (row >= rows.begin && row < rows.end && segment.position(row) == position) {
      return {segment.keys.from(row).data, segment.values.from(row).data};
    }
  }
  throw std::logic_error("a kept token that the prompt's cache does not hold");
}

}  // namespace

std::vector<size_t> selection_budgets(const SelectionSettings& settings, const SharingMap& map, size_t n_tokens) {
  const size_t n_heads = map.n_kv_heads;
  std::vector<size_t> budgets(map.n_layers * n_heads, settings.budget);
  if (settings.method != SelectionMethod::kPyramidKv) return budgets;
  const std::vector<size_t> of_layers =
      pyramidkv_budgets(map.n_layers, n_tokens, settings.budget, settings.snapkv.window, settings.pyramidkv);
  for (size_t head = 0; head < n_heads; ++head) {
    for (size_t begin = 0, end = 0; begin < map.n_layers; begin = end) {
      for (end = begin + 1; end < map.n_layers && map.lowest(end, head) == begin;) ++end;
      const auto first = of_layers.begin();
      const size_t sum =
          std::accumulate(first + static_cast<ptrdiff_t>(begin), first + static_cast<ptrdiff_t>(end), size_t{0});
      for (size_t layer = begin; layer < end; ++layer) budgets[layer * n_heads + head] = sum / (end - begin);
    }
  }
  return budgets;
}

size_t recent_own_keys(const SelectionSettings& settings, size_t ns, size_t budget) {
  const size_t eighth = budget / 8 - std::min(budget / 8, ns);
  if (settings.method != SelectionMethod::kH2o) return std::max({size_t{1}, settings.snapkv.window, eighth});
  return std::clamp<size_t>(eighth, 1, settings.n_recent());
}

SelectedCache::SelectedCache(const CacheGeometry& geometry, const CacheCapacity& capacity, const SharingMap& map,
                             const SelectionSettings& settings)
    : map_(map),
      settings_(settings),
      prompt_(geometry, capacity, map),
      blocks_(geometry.n_layers * geometry.n_kv_heads) {}

void SelectedCache::begin_prompt(size_t n_tokens) {
  if (selected_) return;  // what follows a selection is appended token by token
  prompt_end_ = prompt_.n_tokens() + n_tokens;
  prompt_.begin_prompt(n_tokens);
}

void SelectedCache::end_prompt() {
  if (selected_ || prompt_.n_tokens() == 0) return;
  prompt_.end_prompt();
  n_tokens_ = prompt_end_ = prompt_.n_tokens();
  set_budgets();
  for (size_t layer = 0; layer < geometry().n_layers; ++layer) {
    for (size_t head = 0; head < geometry().n_kv_heads; ++head) {
      if (lowest(layer, head) == layer) choose(layer, head);
      View view;
      prompt_.show(layer, head, 1, view);
      make_cell(layer, head);
      copy_kept(layer, head, view);
    }
  }
  selected_ = true;
  prompt_.clear();
}

void SelectedCache::choose(size_t layer, size_t kv_head) {
  Block& block = blocks_[index(layer, kv_head)];
  const size_t oldest = first_visible(geometry().window(layer), n_tokens_ - 1);
  const size_t n_recent = settings_.n_recent();
  block.positions = settings_.method == SelectionMethod::kH2o
                        ? h2o_keep(block.sums, oldest, block.budget - n_recent, n_recent)
                        : snapkv_keep(block.sums, oldest, block.budget - settings_.snapkv.window, settings_.snapkv);
  std::vector<double> kept_sums;
  for (const uint32_t position : block.positions) kept_sums.push_back(block.sums[position]);
  block.sums = std::move(kept_sums);
  set_ranks(block);
}

void SelectedCache::set_budgets() {
  const std::vector<size_t> budgets = selection_budgets(settings_, map_, prompt_end_);
  for (size_t k = 0; k < blocks_.size(); ++k) blocks_[k].budget = budgets[k];
}

// Own keys are those of the first ns positions and of the last nr of the prompt.
void SelectedCache::set_ranks(Block& block) const {
  const auto rank_from = [&](size_t position) {
    return static_cast<size_t>(std::ranges::lower_bound(block.positions, position) - block.positions.begin());
  };
  block.n_first = rank_from(map_.ns);
  block.max_recent = recent_own_keys(settings_, map_.ns, block.budget);
  const size_t held_from = std::max(block.n_first, rank_from(first_visible(map_.nr, prompt_end_ - 1)));
  block.n_recent = std::min(block.max_recent, block.n_ranks() - held_from);
}

// H2O holds one more than its budget while a token is attended to.
void SelectedCache::make_cell(size_t layer, size_t kv_head) {
  const Block& own = block(layer, kv_head);
  const size_t n_to_come = capacity().max_context - n_tokens_;
  const size_t n_rows = own.n_ranks() + (settings_.method == SelectionMethod::kH2o
                                             ? std::min(n_to_come, 1 + own.budget - std::min(own.budget, own.n_ranks()))
                                             : n_to_come);
  const bool owns = lowest(layer, kv_head) == layer;
  cells_.push_back({RowStore(owns ? n_rows : own.n_first + own.max_recent, geometry().head_dim, capacity().key_dtype),
                    RowStore(n_rows, geometry().head_dim, capacity().value_dtype)});
}

void SelectedCache::copy_kept(size_t layer, size_t kv_head, const View& view) {
  const Block& own = block(layer, kv_head);
  Cell& cell = cells_[index(layer, kv_head)];
  const bool owns = lowest(layer, kv_head) == layer;
  for (size_t rank = 0; rank < own.n_ranks(); ++rank) {
    const ShownRow row = shown_row(view, own.positions[rank], n_tokens_ - 1);
    cell.values.write(rank, 1, row.value, 0);
    if (holds_key(own, owns, rank)) cell.keys.write(key_row(own, owns, rank), 1, row.key, 0);
  }
}

bool SelectedCache::holds_key(const Block& block, bool owns, size_t rank) const {
  return owns || rank < block.n_first || rank >= block.n_ranks() - block.n_recent;
}

size_t SelectedCache::key_row(const Block& block, bool owns, size_t rank) const {
  if (owns || rank < block.n_first) return rank;
  return block.n_first + (rank + block.n_evicted) % block.max_recent;
}

void SelectedCache::append(size_t layer, size_t n, const std::byte* keys, const std::byte* values) {
  if (!selected_) return prompt_.append(layer, n, keys, values);
  if (n != 1) throw std::logic_error("after a selection, tokens come one at a time");
  if (layer == 0) evict();
  for (size_t head = 0; head < geometry().n_kv_heads; ++head) {
    const bool owns = lowest(layer, head) == layer;
    if (owns) add_token(layer, head);
    const Block& own = block(layer, head);
    Cell& cell = cells_[index(layer, head)];
    const size_t rank = own.n_ranks() - 1;
    cell.keys.write(key_row(own, owns, rank), 1, keys + head * cell.keys.row_bytes(), 0);
    cell.values.write(rank, 1, values + head * cell.values.row_bytes(), 0);
  }
  if (layer + 1 == geometry().n_layers) ++n_tokens_;
}

void SelectedCache::add_token(size_t layer, size_t kv_head) {
  Block& own = blocks_[index(layer, kv_head)];
  own.positions.push_back(static_cast<uint32_t>(n_tokens_));
  own.sums.push_back(0);
  own.n_recent = std::min(own.n_recent + 1, own.max_recent);
}

// Of each block that the last token made too long, in all its layers.
void SelectedCache::evict() {
  if (settings_.method != SelectionMethod::kH2o) return;
  for (size_t layer = 0; layer < geometry().n_layers; ++layer) {
    for (size_t head = 0; head < geometry().n_kv_heads; ++head) {
      Block& own = blocks_[index(layer, head)];
      if (lowest(layer, head) != layer || own.n_ranks() <= own.budget) continue;
      const size_t rank = h2o_evict(own.sums, settings_.n_recent());
      for (size_t user = layer; user < geometry().n_layers && lowest(user, head) == layer; ++user) {
        Cell& cell = cells_[index(user, head)];
        cell.values.erase(rank, own.n_ranks());
        if (user == layer) cell.keys.erase(rank, own.n_ranks());
        if (user != layer && rank < own.n_first) cell.keys.erase(rank, own.n_first + own.max_recent);
      }
      own.positions.erase(own.positions.begin() + static_cast<ptrdiff_t>(rank));
      own.sums.erase(own.sums.begin() + static_cast<ptrdiff_t>(rank));
      if (rank < own.n_first) --own.n_first;
      ++own.n_evicted;
    }
  }
}

void SelectedCache::show(size_t layer, size_t kv_head, size_t n_queries, View& view) const {
  if (!selected_) return prompt_.show(layer, kv_head, n_queries, view);
  const Block& own = block(layer, kv_head);
  const Cell& cell = cells_[index(layer, kv_head)];
  const bool owns = lowest(layer, kv_head) == layer;
  view.clear();
  const auto push = [&](StoredRows keys, size_t begin, size_t end) {
    if (begin == end) return;
    view.push_back({.keys = keys,
                    .values = cell.values.rows().from(begin),
                    .first = own.positions[begin],
                    .count = end - begin,
                    .positions = own.positions.data() + begin});
  };
  const size_t n = own.n_ranks();
  if (owns) return push(cell.keys.rows(), 0, n);
  const size_t recent = std::max(own.n_first, n - own.n_recent);
  push(cell.keys.rows(), 0, own.n_first);
  push(cells_[index(lowest(layer, kv_head), kv_head)].keys.rows().from(own.n_first), own.n_first, recent);
  for (size_t begin = recent; begin < n;) {
    const size_t row = key_row(own, false, begin);
    const size_t count = std::min(n - begin, own.n_first + own.max_recent - row);
    push(cell.keys.rows().from(row), begin, begin + count);
    begin += count;
  }
}

bool SelectedCache::wants_probabilities(size_t layer, size_t query) const {
  const bool h2o = settings_.method == SelectionMethod::kH2o;
  if (!h2o && (selected_ || query + settings_.snapkv.window < prompt_end_)) return false;
  for (size_t head = 0; head < geometry().n_kv_heads; ++head) {
    if (lowest(layer, head) == layer) return true;
  }
  return false;
}

// The mean over the query heads of a group.
void SelectedCache::take_probabilities(size_t layer, size_t query, std::span<const double> probabilities) {
  const size_t n_keys = query + 1;
  const size_t group = probabilities.size() / n_keys / geometry().n_kv_heads;
  for (size_t head = 0; head < geometry().n_kv_heads; ++head) {
    if (lowest(layer, head) != layer) continue;
    Block& own = blocks_[index(layer, head)];
    if (!selected_) own.sums.resize(std::max(own.sums.size(), n_keys));
    for (size_t k = 0; k < own.sums.size(); ++k) {
      const size_t position = selected_ ? own.positions[k] : k;
      if (position >= n_keys) break;
      double sum = 0;
      for (size_t g = 0; g < group; ++g) sum += probabilities[(head * group + g) * n_keys + position];
      own.sums[k] += sum / static_cast<double>(group);
    }
  }
}

CacheBytes SelectedCache::bytes(size_t layer) const {
  CacheBytes total = prompt_.bytes(layer);
  for (size_t head = 0; selected_ && head < geometry().n_kv_heads; ++head) {
    const Block& own = block(layer, head);
    const Cell& cell = cells_[index(layer, head)];
    const bool owns = lowest(layer, head) == layer;
    const size_t n = own.n_ranks();
    const bool evicts = settings_.method == SelectionMethod::kH2o && n > own.budget;
    const size_t n_kept = evicts ? own.budget : n;
    const size_t n_own_keys = own.n_first + std::min(own.n_recent, n - own.n_first);
    total += {n_kept * cell.values.row_bytes(), (n - n_kept) * cell.values.row_bytes(), cell.values.allocated_bytes(),
              cell.values.reserved_bytes()};
    total += {(owns ? n_kept : n_own_keys) * cell.keys.row_bytes(), (owns ? n - n_kept : 0) * cell.keys.row_bytes(),
              cell.keys.allocated_bytes(), cell.keys.reserved_bytes()};
  }
  return total;
}

void SelectedCache::clear() {
  prompt_.clear();
  selected_ = false;
  prompt_end_ = n_tokens_ = 0;
  for (Block& block : blocks_) block = {};
  cells_.clear();
}

}  // namespace proxima
