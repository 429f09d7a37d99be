// SPDX-License-Identifier: MIT
#include "kvcache/skip_gate.h"

#include <algorithm>

#include "kvcache/recent_rows.h"

namespace proxima {
namespace {

// S_P / (S_P + S_D) by our own exponential: the same decision on every processor.
double gate(const SoftmaxSums& proximal, const SoftmaxSums& distant, const Kernels& kernels) {
  const double max = std::max(proximal.max, distant.max);
  const double near = proximal.sum * kernels.f64.exp(proximal.max - max);
  return near / (near + distant.sum * kernels.f64.exp(distant.max - max));
}

}  // namespace

SkipGate::SkipGate(const CacheGeometry& geometry, const SharingMap& map, const GateSettings& settings)
    : geometry_(geometry), map_(map), settings_(settings), counts_(geometry.n_layers) {}

bool SkipGate::lends(size_t layer, size_t kv_head) const {
  return layer + 1 < geometry_.n_layers && map_.lowest(layer, kv_head) == layer &&
         map_.lowest(layer + 1, kv_head) == layer;
}

bool SkipGate::needs_distant(size_t layer, size_t kv_head) const {
  return lends(layer, kv_head) || (borrows(layer, kv_head) && settings_.kind == GateKind::kExact);
}

size_t SkipGate::n_distant(size_t layer, size_t query) const {
  const size_t begin = std::max(map_.ns, first_visible(geometry_.window(layer), query));
  const size_t end = first_visible(map_.nr, query);
  return end > begin ? end - begin : 0;
}

void SkipGate::decide(size_t layer, size_t first_query, size_t n_queries, std::span<const SoftmaxSums> proximal,
                      std::span<const SoftmaxSums> distant, const Kernels& kernels, std::span<uint8_t> skips) {
  const size_t n_heads = skips.size() / n_queries, group = n_heads / geometry_.n_kv_heads;
  donor_proximal_.resize(std::max(donor_proximal_.size(), skips.size()));
  donor_distant_.resize(donor_proximal_.size());
  for (size_t k = 0; k < skips.size(); ++k) {
    const size_t kv_head = k % n_heads / group;
    skips[k] = 0;
    if (lends(layer, kv_head)) {
      donor_proximal_[k] = proximal[k];
      donor_distant_[k] = distant[k];
    }
    const size_t n_keys = borrows(layer, kv_head) ? n_distant(layer, first_query + k / n_heads) : 0;
    if (n_keys == 0) continue;
    const SoftmaxSums& near = settings_.kind == GateKind::kDonorGate ? donor_proximal_[k] : proximal[k];
    const SoftmaxSums& far = settings_.kind == GateKind::kExact ? distant[k] : donor_distant_[k];
    skips[k] = gate(near, far, kernels) >= settings_.tau ? 1 : 0;
    counts_[layer].total += n_keys;
    if (skips[k] != 0) counts_[layer].skipped += n_keys;
  }
}

void SkipGate::clear() {
  std::ranges::fill(counts_, SkipCount{});
}

}  // namespace proxima
