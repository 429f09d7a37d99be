// SPDX-License-Identifier: MIT
#include "kvcache/quest_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>

#include "kvcache/recent_rows.h"

namespace proxima {
namespace {

constexpr std::string_view kOfPage = "_of_page";

template <class S>
void widen_bounds(const std::byte* key, size_t n, bool starts_page, std::byte* least, std::byte* largest) {
  for (size_t offset = 0; offset < n * sizeof(S); offset += sizeof(S)) {
    S x, low, high;
    std::memcpy(&x, key + offset, sizeof(S));
    std::memcpy(&low, least + offset, sizeof(S));
    std::memcpy(&high, largest + offset, sizeof(S));
    if (starts_page || widen(x) < widen(low)) std::memcpy(least + offset, &x, sizeof(S));
    if (starts_page || widen(x) > widen(high)) std::memcpy(largest + offset, &x, sizeof(S));
  }
}

// The nearest BF16 at or below x where `down`, at or above it otherwise.
BF16 round_outwards(float x, bool down) {
  const auto bits = std::bit_cast<uint32_t>(x);
  const bool farther = (bits & 0xFFFFU) != 0 && std::signbit(x) == down;
  return {static_cast<uint16_t>((bits >> 16) + (farther ? 1U : 0U))};
}

void widen_bounds_of_blocks(const std::byte* key, size_t n, bool starts_page, std::byte* least, std::byte* largest) {
  for (size_t k = 0; k < n; ++k) {
    Q8_0 block;
    BF16 low, high;
    std::memcpy(&block, key + k / Q8_0::kElements * sizeof(Q8_0), sizeof(block));
    std::memcpy(&low, least + k * sizeof(BF16), sizeof(low));
    std::memcpy(&high, largest + k * sizeof(BF16), sizeof(high));
    const float x = widen(block.scale) * static_cast<float>(block.steps[k % Q8_0::kElements]);
    if (starts_page || x < widen(low)) low = round_outwards(x, true);
    if (starts_page || x > widen(high)) high = round_outwards(x, false);
    std::memcpy(least + k * sizeof(BF16), &low, sizeof(low));
    std::memcpy(largest + k * sizeof(BF16), &high, sizeof(high));
  }
}

void widen_bounds(DType dtype, const std::byte* key, size_t n, bool starts_page, std::byte* least, std::byte* largest) {
  switch (dtype) {
    case DType::kF64:
      return widen_bounds<double>(key, n, starts_page, least, largest);
    case DType::kF32:
      return widen_bounds<float>(key, n, starts_page, least, largest);
    case DType::kF16:
      return widen_bounds<F16>(key, n, starts_page, least, largest);
    case DType::kQ8_0:
      return widen_bounds_of_blocks(key, n, starts_page, least, largest);
    default:
      return widen_bounds<BF16>(key, n, starts_page, least, largest);
  }
}

// The part of a segment that lies in positions [begin, end).
Segment part_of(const Segment& segment, size_t begin, size_t end) {
  const size_t first = segment.row_of(begin);
  Segment part = segment;
  part.keys = segment.keys.from(first);
  part.values = segment.values.from(first);
  part.first = segment.first + first;
  part.count = segment.row_of(end) - first;
  return part;
}

}  // namespace

QuestCache::QuestCache(std::unique_ptr<KvCache> all, const SharingMap* map, size_t budget)
    : all_(std::move(all)), budget_pages_(std::max<size_t>(1, budget / kQuestPage)), chosen_(geometry().n_kv_heads) {
  const size_t n_pages = quest_pages(capacity().max_context);
  for (size_t layer = 0; layer < geometry().n_layers; ++layer) {
    for (size_t head = 0; head < geometry().n_kv_heads; ++head) {
      lowest_.push_back(map == nullptr ? layer : map->lowest(layer, head));
      const size_t n_rows = lowest_.back() == layer ? n_pages : 0;
      const DType dtype = quest_bound_dtype(capacity().key_dtype);
      bounds_.push_back({RowStore(n_rows, geometry().head_dim, dtype), RowStore(n_rows, geometry().head_dim, dtype)});
    }
  }
}

void QuestCache::begin_prompt(size_t n_tokens) {
  reads_prompt_ = true;
  all_->begin_prompt(n_tokens);
}

void QuestCache::end_prompt() {
  reads_prompt_ = false;
  all_->end_prompt();
}

void QuestCache::append(size_t layer, size_t n, const std::byte* keys, const std::byte* values) {
  const size_t key_bytes = proxima::row_bytes(capacity().key_dtype, geometry().head_dim);
  for (size_t head = 0; head < geometry().n_kv_heads; ++head) {
    if (!owns(layer, head)) continue;
    PageBounds& bounds = bounds_[index(layer, head)];
    const size_t row_bytes = bounds.least.row_bytes();
    std::vector<std::byte> least(row_bytes), largest(row_bytes);
    for (size_t row = 0; row < n; ++row, ++bounds.n_tokens) {
      const std::byte* key = keys + (row * geometry().n_kv_heads + head) * key_bytes;
      const size_t page = bounds.n_tokens / kQuestPage;
      std::memcpy(least.data(), bounds.least.rows().from(page).data, row_bytes);
      std::memcpy(largest.data(), bounds.largest.rows().from(page).data, row_bytes);
      widen_bounds(capacity().key_dtype, key, geometry().head_dim, bounds.n_tokens % kQuestPage == 0, least.data(),
                   largest.data());
      bounds.least.write(page, 1, least.data(), row_bytes);
      bounds.largest.write(page, 1, largest.data(), row_bytes);
    }
  }
  all_->append(layer, n, keys, values);
}

// Where all visible pages are within the budget there is nothing to choose.
bool QuestCache::wants_queries(size_t layer, size_t n_queries) const {
  if (reads_prompt_ || n_queries > 1 || layer < kQuestDenseLayers) return false;
  const size_t end = bounds_[index(lowest_[index(layer, 0)], 0)].n_tokens;
  const size_t oldest = first_visible(geometry().window(layer), end - 1);
  return quest_pages(end) - oldest / kQuestPage > budget_pages_;
}

void QuestCache::take_queries(size_t layer, const LayerQueries& queries) {
  if (queries.dtype == DType::kF64) {
    choose_pages<double>(layer, queries);
  } else {
    choose_pages<float>(layer, queries);
  }
}

// max(q min, q max) is q max where q > 0 and q min elsewhere: U is two dot products.
template <class T>
void QuestCache::choose_pages(size_t layer, const LayerQueries& queries) {
  const size_t group = queries.n_heads / geometry().n_kv_heads;
  const size_t width = geometry().head_dim;
  std::vector<T> positive(group * width), negative(group * width);
  for (size_t head = 0; head < geometry().n_kv_heads; ++head) {
    const T* q = static_cast<const T*>(queries.rows) + head * group * width;
    for (size_t k = 0; k < group * width; ++k) {
      positive[k] = std::max(q[k], T{0});
      negative[k] = std::min(q[k], T{0});
    }
    const PageBounds& bounds = bounds_[index(lowest_[index(layer, head)], head)];
    const size_t first = first_visible(geometry().window(layer), bounds.n_tokens - 1) / kQuestPage;
    const size_t n_closed = quest_pages(bounds.n_tokens) - 1 - first;  // the last page is always read
    std::vector<T> from_largest(group * n_closed), from_least(group * n_closed), score(n_closed);
    const auto& arithmetic = queries.kernels->of<T>();
    arithmetic.dot(positive.data(), width, group, bounds.largest.rows().from(first), n_closed, width,
                   from_largest.data(), n_closed);
    arithmetic.dot(negative.data(), width, group, bounds.least.rows().from(first), n_closed, width, from_least.data(),
                   n_closed);
    for (size_t g = 0; g < group; ++g) {
      for (size_t page = 0; page < n_closed; ++page) {
        score[page] += from_largest[g * n_closed + page] + from_least[g * n_closed + page];
      }
    }
    std::vector<size_t>& pages = chosen_[head];
    pages.resize(n_closed);
    std::iota(pages.begin(), pages.end(), 0);
    const auto better = [&](size_t a, size_t b) { return score[a] != score[b] ? score[a] > score[b] : a > b; };
    std::ranges::nth_element(pages, pages.begin() + static_cast<ptrdiff_t>(budget_pages_ - 1), better);
    pages.resize(budget_pages_ - 1);
    std::ranges::sort(pages);
    for (size_t& page : pages) page += first;
    pages.push_back(first + n_closed);
  }
}

void QuestCache::show(size_t layer, size_t kv_head, size_t n_queries, View& view) const {
  all_->show(layer, kv_head, n_queries, view);
  if (!wants_queries(layer, n_queries)) return;
  const View everything = view;
  view.clear();
  const std::vector<size_t>& pages = chosen_[kv_head];
  for (const Segment& segment : everything) {
    for (size_t k = 0; k < pages.size();) {
      const size_t begin = pages[k];
      size_t end = begin + 1;
      for (++k; k < pages.size() && pages[k] == end; ++k) ++end;
      const Segment part = part_of(segment, begin * kQuestPage, end * kQuestPage);
      if (part.count > 0) view.push_back(part);
    }
  }
}

CacheBytes QuestCache::bytes(size_t layer) const {
  CacheBytes total = all_->bytes(layer);
  for (size_t head = 0; head < geometry().n_kv_heads; ++head) {
    const PageBounds& bounds = bounds_[index(layer, head)];
    for (const RowStore* rows : {&bounds.least, &bounds.largest}) {
      total += {quest_pages(bounds.n_tokens) * rows->row_bytes(), 0, rows->allocated_bytes(), rows->reserved_bytes()};
    }
  }
  return total;
}

void QuestCache::clear() {
  reads_prompt_ = false;
  all_->clear();
  for (PageBounds& bounds : bounds_) {
    bounds.least.truncate(0);
    bounds.largest.truncate(0);
    bounds.n_tokens = 0;
  }
}

std::vector<KeptRows> QuestCache::page_rows(size_t n_tokens) const {
  std::vector<KeptRows> stores;
  for (size_t k = 0; k < bounds_.size(); ++k) {
    if (lowest_[k] != k / geometry().n_kv_heads) continue;
    const std::string cell = fmt::format("layers.{}.heads.{}", k / geometry().n_kv_heads, k % geometry().n_kv_heads);
    for (const bool least : {true, false}) {
      KeptRows rows = KeptRows::of(cell + (least ? ".least" : ".largest") + std::string(kOfPage),
                                   quest_bound_dtype(capacity().key_dtype), geometry().head_dim);
      const RowStore& store = least ? bounds_[k].least : bounds_[k].largest;
      if (n_tokens > 0) rows.runs.push_back({0, quest_pages(n_tokens), store.rows().data});
      stores.push_back(std::move(rows));
    }
  }
  return stores;
}

std::vector<KeptRows> QuestCache::save() const {
  std::vector<KeptRows> stores = all_->save();
  std::ranges::move(page_rows(n_tokens()), std::back_inserter(stores));
  return stores;
}

void QuestCache::restore(size_t n_tokens, const std::vector<KeptRows>& stores, const std::string& origin) {
  const std::vector<KeptRows> expected = page_rows(n_tokens);
  const SplitStores split = split_stores(stores, kOfPage);
  all_->restore(n_tokens, split.others, origin);
  size_t next = 0;
  for (size_t k = 0; k < bounds_.size(); ++k) {
    if (lowest_[k] != k / geometry().n_kv_heads) continue;
    for (RowStore* store : {&bounds_[k].least, &bounds_[k].largest}) {
      for (const RowRun& run : find_same_rows(split.matching, expected[next++], origin).runs) {
        store->write(run.first, run.count, run.data, store->row_bytes());
      }
    }
    bounds_[k].n_tokens = n_tokens;
  }
}

}  // namespace proxima
