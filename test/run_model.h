// SPDX-License-Identifier: MIT
// One sequence through the runtime, everything observed, in the shape the reference returns.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "kvcache/cache_factory.h"
#include "model/transformer.h"
#include "test/reference_transformer.h"

namespace proxima::test {

struct RunOptions {
  Precision precision = Precision::kF64;
  const SharingMap* map = nullptr;     // dense where null
  const CacheChoice* cache = nullptr;  // instead of map
  size_t chunk = 64;                   // of the prompt
  size_t n_prompt = 0;                 // the ids after them are decoded one by one; 0: all are prompt
  int n_threads = 1;
  bool keep_scores = false;
  std::optional<SimdTarget> target = {};  // the best one where absent
  std::optional<DType> key_dtype = {};
  std::optional<DType> value_dtype = {};
  std::unique_ptr<KvCache>* cache_after = nullptr;  // takes the cache
  bool keep_everything = false;                     // in the cache, whatever the layers' windows
  size_t saved_at = 0;  // the cache goes through a file after so many tokens of the prompt; 0: it does not
};

std::unique_ptr<KvCache> make_cache(const Model& model, size_t max_context, const RunOptions& options);

// Fails the running test where an observation has not the shape, dtype or order that model/observer.h says.
reference::Result run_model(const Model& model, std::span<const TokenId> ids, const RunOptions& options);
// Ids that a seed determines.
std::vector<TokenId> random_ids(size_t n, size_t vocab, uint64_t seed);

struct Deviation {
  double largest = 0;
  double mean = 0;
};
Deviation deviation(const std::vector<double>& got, const std::vector<double>& expected);

}  // namespace proxima::test
