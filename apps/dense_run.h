// SPDX-License-Identifier: MIT
// One dense pass over a sample, keeping what the measures between layers need: all keys and values, and of the last
// queries the rotated query and the attention output of every layer. T: double in f64, float otherwise.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "apps/explore_samples.h"
#include "model/memory_plan.h"
#include "model/observer.h"
#include "model/transformer.h"

namespace proxima {

// Called between chunks; false interrupts with Error(kInterrupt).
using GoOn = std::function<bool()>;

template <class T>
class DenseRun {
 public:
  // Rows are kept of the last n_queries positions of each sample of `length` tokens.
  DenseRun(const Model& model, const Compute& compute, const MemoryRequest& request, size_t length, size_t n_queries);

  // What it allocates beyond the transformer's scratch.
  static size_t n_bytes(const ModelConfig& config, const MemoryRequest& request, size_t length, size_t n_queries);

  void read(const ExploreSample& sample, const GoOn& go_on);

  const Model& model() const { return transformer_->model(); }
  const Compute& compute() const { return compute_; }
  size_t length() const { return length_; }
  size_t n_queries() const { return n_queries_; }
  const KvCache& cache() const { return *cache_; }  // every layer shows all positions, whatever its window
  const T* queries(size_t layer) const;             // [n_queries, n_heads * head_dim]
  const T* outputs(size_t layer) const;             // [n_queries, hidden], after o_proj

 private:
  class Keeper;

  Compute compute_;
  size_t length_;
  size_t n_queries_;
  std::unique_ptr<Transformer> transformer_;
  std::unique_ptr<KvCache> cache_;
  std::vector<T> queries_;  // [n_layers, n_queries, n_heads * head_dim]
  std::vector<T> outputs_;  // [n_layers, n_queries, hidden]
};

}  // namespace proxima
