// SPDX-License-Identifier: MIT
#include "kvcache/cache_factory.h"

#include <algorithm>

#include "core/error.h"
#include "core/reserved_memory.h"
#include "kvcache/dense_cache.h"
#include "kvcache/pod_cache.h"

namespace proxima {
namespace {

// Far above any context; keeps the sums of ns, nr and chunk from overflowing.
constexpr size_t kMaxWindow = size_t{1} << 40;

size_t whole_pages(size_t n_bytes) {
  const size_t page = ReservedMemory::page_bytes();
  return (n_bytes + page - 1) / page * page;
}

// One row store: rows it keeps by the formula, rows it holds beyond them, rows its address space has room for.
struct StoredCount {
  size_t logical = 0;
  size_t slack = 0;
  size_t reserved = 0;
};

void add(CacheBytes& total, const StoredCount& rows, size_t row_bytes) {
  total.logical += rows.logical * row_bytes;
  total.slack += rows.slack * row_bytes;
  total.allocated += whole_pages((rows.logical + rows.slack) * row_bytes);
  total.reserved += whole_pages(rows.reserved * row_bytes);
}

// Of RecentRows.
StoredCount counts(const KeptTokens& tokens, const CacheCapacity& capacity, size_t n_tokens, CachePhase phase) {
  const size_t kept = std::min(tokens.n_first, capacity.max_context) + std::min(tokens.n_recent, capacity.max_context);
  const size_t longest = kept + capacity.max_chunk - 1;
  const size_t held = std::min(n_tokens, phase == CachePhase::kReadingPrompt ? longest : kept);
  const size_t logical = std::min(n_tokens, kept);
  return {logical, held - logical, std::min(capacity.max_context, longest)};
}

}  // namespace

void check_cache_choice(const CacheChoice& choice, const CacheGeometry& geometry, const std::string& origin) {
  if (choice.kind == CacheKind::kDense) return;
  const SharingMap& map = *choice.map;
  map.validate(geometry, origin);
  if (map.ns > kMaxWindow || map.nr > kMaxWindow) {
    fail(ErrorKind::kInput, "{}: ns {} and nr {} are beyond any context", origin, map.ns, map.nr);
  }
  if (map.borrowed_share() == 0) {
    fail(ErrorKind::kUsage,
         "{}: every layer keeps its own distant keys, so PoD would save nothing; use --cache dense or another map",
         origin);
  }
}

std::unique_ptr<KvCache> make_cache(const CacheChoice& choice, const CacheGeometry& geometry,
                                    const CacheCapacity& capacity) {
  if (choice.kind == CacheKind::kPod) return std::make_unique<PodCache>(geometry, capacity, *choice.map);
  return std::make_unique<DenseCache>(geometry, capacity);
}

CacheBytes planned_cache_bytes(const CacheChoice& choice, const CacheGeometry& geometry, const CacheCapacity& capacity,
                               size_t n_tokens, CachePhase phase) {
  const size_t key_bytes = geometry.head_dim * dtype_bytes(capacity.key_dtype);
  const size_t value_bytes = geometry.head_dim * dtype_bytes(capacity.value_dtype);
  CacheBytes total;
  for (size_t layer = 0; layer < geometry.n_layers; ++layer) {
    const KeptTokens all{.n_recent = geometry.window(layer)};
    for (size_t head = 0; head < geometry.n_kv_heads; ++head) {
      const bool borrows = choice.kind == CacheKind::kPod && !choice.map->owns_distant_keys(layer, head);
      const KeptTokens keys = borrows ? kept_by_borrower(*choice.map, geometry.window(layer)) : all;
      add(total, counts(keys, capacity, n_tokens, phase), key_bytes);
      add(total, counts(all, capacity, n_tokens, phase), value_bytes);
    }
  }
  return total;
}

}  // namespace proxima
