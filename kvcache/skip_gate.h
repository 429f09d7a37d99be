// SPDX-License-Identifier: MIT
// PoD's skipping (arXiv 2412.02252): where the gate g = S_P / (S_P + S_D) between proximal and distant tokens is at
// least tau, a borrowing layer leaves the distant ones out, query head by query head and query by query. The lowest
// layer of a block never does. How g is known beforehand is not said in the paper; three ways:
//   donor       this layer's proximal sum against the distant sum that the same query head had in the lowest layer
//   exact       this layer's own sums: only the value mix is saved; the reference of the others
//   donor_gate  the lowest layer's g itself
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "core/kernels.h"
#include "kvcache/sharing_map.h"

namespace proxima {

enum class GateKind { kDonor, kExact, kDonorGate };
inline constexpr std::array<std::string_view, 3> kGateKindNames = {"donor", "exact", "donor_gate"};

struct GateSettings {
  double tau = 1;  // above 1 nothing is skipped, at 0 everything
  GateKind kind = GateKind::kDonor;

  bool operator==(const GateSettings&) const = default;
};

// Of a softmax over some of the keys: sum of exponentials relative to the largest score.
struct SoftmaxSums {
  double max = -std::numeric_limits<double>::infinity();
  double sum = 0;
};

// Distant dot products of the borrowing cells of a layer, in query heads times keys.
struct SkipCount {
  size_t skipped = 0;
  size_t total = 0;
};

class SkipGate {
 public:
  SkipGate(const CacheGeometry& geometry, const SharingMap& map, const GateSettings& settings);

  const GateSettings& settings() const { return settings_; }

  // Which sums decide() needs of a KV head's queries in a layer.
  bool needs_proximal(size_t layer, size_t kv_head) const { return lends(layer, kv_head) || borrows(layer, kv_head); }
  bool needs_distant(size_t layer, size_t kv_head) const;

  // Layers in ascending order within a chunk. proximal, distant, skips: [n_queries, n_heads]; sets skips.
  void decide(size_t layer, size_t first_query, size_t n_queries, std::span<const SoftmaxSums> proximal,
              std::span<const SoftmaxSums> distant, const Kernels& kernels, std::span<uint8_t> skips);

  // [n_layers] since the last clear().
  const std::vector<SkipCount>& counts() const { return counts_; }
  void clear();

 private:
  bool borrows(size_t layer, size_t kv_head) const { return !map_.owns_distant_keys(layer, kv_head); }
  bool lends(size_t layer, size_t kv_head) const;
  size_t n_distant(size_t layer, size_t query) const;

  CacheGeometry geometry_;
  SharingMap map_;
  GateSettings settings_;
  // [n_queries, n_heads] of the lowest layer below, each KV head's own.
  std::vector<SoftmaxSums> donor_proximal_;
  std::vector<SoftmaxSums> donor_distant_;
  std::vector<SkipCount> counts_;
};

}  // namespace proxima
