// SPDX-License-Identifier: MIT
#include "model/sampler.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace proxima {
namespace {

// A number in [0, 1) from a counter: the mixing steps of SplitMix64 (Steele, Lea, Flood 2014).
double uniform(uint64_t seed, uint64_t counter) {
  uint64_t x = seed + (counter + 1) * 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  x ^= x >> 31;
  return static_cast<double>(x >> 11) * 0x1.0p-53;
}

TokenId best(std::span<const double> logits) {
  return static_cast<TokenId>(std::ranges::max_element(logits) - logits.begin());
}

}  // namespace

Sampler::Sampler(const SamplerOptions& options) : options_(options) {
  if (!(options.temperature >= 0) || !std::isfinite(options.temperature)) {
    fail(ErrorKind::kUsage, "temperature {} is not a finite number >= 0", options.temperature);
  }
  if (!(options.top_p > 0 && options.top_p <= 1)) fail(ErrorKind::kUsage, "top-p {} is not in (0, 1]", options.top_p);
  if (!(options.min_p >= 0 && options.min_p <= 1)) fail(ErrorKind::kUsage, "min-p {} is not in [0, 1]", options.min_p);
}

TokenId Sampler::pick(std::span<const double> logits) {
  const uint64_t counter = n_picked_++;
  if (options_.temperature == 0) return best(logits);

  candidates_.clear();
  for (size_t id = 0; id < logits.size(); ++id) candidates_.push_back({static_cast<TokenId>(id), logits[id], 0});
  std::ranges::sort(candidates_, [](const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  });
  if (options_.top_k > 0) candidates_.resize(std::min(candidates_.size(), options_.top_k));

  const double top = candidates_.front().logit;
  double total = 0;
  for (Candidate& c : candidates_) total += c.probability = std::exp(c.logit - top);
  size_t n_kept = candidates_.size();
  if (options_.top_p < 1) {
    double mass = 0;
    for (n_kept = 0; n_kept < candidates_.size() && mass < options_.top_p * total; ++n_kept) {
      mass += candidates_[n_kept].probability;
    }
  }
  while (n_kept > 1 && candidates_[n_kept - 1].probability < options_.min_p) --n_kept;
  candidates_.resize(n_kept);

  total = 0;
  for (Candidate& c : candidates_) total += c.probability = std::exp((c.logit - top) / options_.temperature);
  double left = uniform(options_.seed, counter) * total;
  for (const Candidate& c : candidates_) {
    left -= c.probability;
    if (left < 0) return c.id;
  }
  return candidates_.back().id;
}

}  // namespace proxima
