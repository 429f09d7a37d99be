// SPDX-License-Identifier: MIT
#include "kvcache/cache_factory.h"

#include <algorithm>

#include "core/reserved_memory.h"
#include "kvcache/cla_cache.h"
#include "kvcache/dense_cache.h"
#include "kvcache/quest_cache.h"

namespace proxima {
namespace {

SelectionSettings selection_of(const CacheChoice& choice) {
  SelectionSettings settings = choice.selection;
  settings.method = *selection_method(choice.kind);
  return settings;
}

// One block a layer: a selection without PoD.
SharingMap map_of(const CacheChoice& choice, const CacheGeometry& geometry) {
  return choice.map ? *choice.map : uniform_sharing_map(geometry, 1);
}

// One row store: rows it keeps by the formula, rows it holds beyond them, rows its address space has room for.
struct StoredCount {
  size_t logical = 0;
  size_t slack = 0;
  size_t reserved = 0;
};

// Adds up the stores of a cache.
class Plan {
 public:
  Plan(const CacheChoice& choice, const CacheGeometry& geometry, const CacheCapacity& capacity, size_t n_tokens,
       CachePhase phase)
      : choice_(choice),
        geometry_(geometry),
        capacity_(capacity),
        n_tokens_(n_tokens),
        phase_(phase),
        key_bytes_(row_bytes(capacity.key_dtype, geometry.head_dim)),
        value_bytes_(row_bytes(capacity.value_dtype, geometry.head_dim)) {}

  CacheBytes total() {
    if (selection_method(choice_.kind) && phase_ == CachePhase::kAfterPrompt) {
      add_selected();
      return total_;
    }
    const std::vector<size_t> donors =
        choice_.kind == CacheKind::kCla ? cla_donors(geometry_, choice_.cla_factor) : std::vector<size_t>{};
    for (size_t layer = 0; layer < geometry_.n_layers; ++layer) {
      if (!donors.empty() && donors[layer] != layer) continue;
      for (size_t head = 0; head < geometry_.n_kv_heads; ++head) add_cell(layer, head);
    }
    return total_;
  }

 private:
  void add(const StoredCount& rows, size_t row_bytes) {
    total_.logical += rows.logical * row_bytes;
    total_.slack += rows.slack * row_bytes;
    total_.allocated += ReservedMemory::whole_pages((rows.logical + rows.slack) * row_bytes);
    total_.reserved += ReservedMemory::whole_pages(rows.reserved * row_bytes);
  }

  // Of RecentRows.
  StoredCount counts(const KeptTokens& tokens) const {
    const size_t kept =
        std::min(tokens.n_first, capacity_.max_context) + std::min(tokens.n_recent, capacity_.max_context);
    const size_t longest = kept + capacity_.max_chunk - 1;
    const size_t held = std::min(n_tokens_, phase_ == CachePhase::kReadingPrompt ? longest : kept);
    const size_t logical = std::min(n_tokens_, kept);
    return {logical, held - logical, std::min(capacity_.max_context, longest)};
  }

  void add_cell(size_t layer, size_t head) {
    KeptTokens keys{.n_recent = geometry_.window(layer)};
    KeptTokens values = keys;
    const bool owns = !choice_.map || choice_.map->owns_distant_keys(layer, head);
    if (!owns) keys = kept_by_borrower(*choice_.map, geometry_.window(layer));
    if (choice_.kind == CacheKind::kWindow) keys = values = kept_by_window(choice_.window, geometry_.window(layer));
    if (choice_.kind == CacheKind::kLmInfinite) {
      const LmInfiniteSettings& settings = choice_.lm_infinite;
      keys = {.n_recent = settings.n_local};
      values = {settings.n_global, settings.n_local};
      add({std::min(n_tokens_, settings.n_global), 0, std::min(capacity_.max_context, settings.n_global)}, key_bytes_);
    }
    if (owns && (choice_.kind == CacheKind::kQuest || choice_.kind == CacheKind::kPodQuest)) {
      for (int bound = 0; bound < 2; ++bound) {
        add({quest_pages(n_tokens_), 0, quest_pages(capacity_.max_context)},
            row_bytes(quest_bound_dtype(capacity_.key_dtype), geometry_.head_dim));
      }
    }
    add(counts(keys), key_bytes_);
    add(counts(values), value_bytes_);
  }

  // b d sum over blocks of [|B| kept + kept + (|B| - 1) Ps], Ps the own keys of a borrower.
  void add_selected() {
    const SelectionSettings settings = selection_of(choice_);
    const SharingMap map = map_of(choice_, geometry_);
    const std::vector<size_t> budgets = selection_budgets(settings, map, n_tokens_);
    for (size_t layer = 0; layer < geometry_.n_layers; ++layer) {
      for (size_t head = 0; head < geometry_.n_kv_heads; ++head) {
        const size_t budget = budgets[layer * geometry_.n_kv_heads + head];
        const size_t kept = std::min({budget, n_tokens_, geometry_.window(layer)});
        const size_t own_keys = std::min(kept, map.ns + std::min(recent_own_keys(settings, map.ns, budget), map.nr));
        add({kept, 0, kept}, value_bytes_);
        add({map.owns_distant_keys(layer, head) ? kept : own_keys, 0, kept}, key_bytes_);
      }
    }
  }

  const CacheChoice& choice_;
  const CacheGeometry& geometry_;
  const CacheCapacity& capacity_;
  size_t n_tokens_;
  CachePhase phase_;
  size_t key_bytes_;
  size_t value_bytes_;
  CacheBytes total_;
};

}  // namespace

std::unique_ptr<KvCache> make_cache(const CacheChoice& choice, const CacheGeometry& geometry,
                                    const CacheCapacity& capacity) {
  switch (choice.kind) {
    case CacheKind::kDense:
      return std::make_unique<DenseCache>(geometry, capacity);
    case CacheKind::kPod:
      return std::make_unique<PodCache>(geometry, capacity, *choice.map, choice.gate);
    case CacheKind::kWindow:
      return std::make_unique<WindowCache>(geometry, capacity, choice.window);
    case CacheKind::kLmInfinite:
      return std::make_unique<LmInfiniteCache>(geometry, capacity, choice.lm_infinite);
    case CacheKind::kCla:
      return std::make_unique<ClaCache>(geometry, capacity, choice.cla_factor);
    case CacheKind::kQuest:
      return std::make_unique<QuestCache>(std::make_unique<DenseCache>(geometry, capacity), nullptr,
                                          choice.quest_budget);
    case CacheKind::kPodQuest:
      return std::make_unique<QuestCache>(std::make_unique<PodCache>(geometry, capacity, *choice.map), &*choice.map,
                                          choice.quest_budget);
    default:
      return std::make_unique<SelectedCache>(geometry, capacity, map_of(choice, geometry), selection_of(choice));
  }
}

CacheBytes planned_cache_bytes(const CacheChoice& choice, const CacheGeometry& geometry, const CacheCapacity& capacity,
                               size_t n_tokens, CachePhase phase) {
  return Plan(choice, geometry, capacity, n_tokens, phase).total();
}

}  // namespace proxima
