// SPDX-License-Identifier: MIT
// The paper's choice of sharing layers (PoD, arXiv 2412.02252): how similar two layers distribute the attention of the
// same query, by Jensen-Shannon divergence with base 2, averaged over samples, queries and the query heads of a KV
// head; then, per KV head, consecutive layers join a block from the bottom while they are similar enough.
#pragma once

#include "apps/dense_run.h"
#include "apps/pair_table.h"
#include "kvcache/sharing_map.h"

namespace proxima {

struct SimilarityOptions {
  bool distant_only = false;  // compare only {ns <= j <= t - nr}, renormalised, instead of all positions up to t
  bool root = false;          // 1 - sqrt(JSD) instead of 1 - JSD
  size_t ns = 0;              // of distant_only
  size_t nr = 1;
};

// Adds the similarities of all pairs of layers that may lie in one block, of the sample that `run` has read. Rows of a
// query are made once a layer and compared pairwise: memory for each thread is a row of n_layers times the query heads
// of a KV head, so it grows with the length only. The same bits for any number of threads.
template <class T>
void add_similarities(const DenseRun<T>& run, const SimilarityOptions& options, PairTable& table);

// Bytes of a row for every layer and thread.
template <class T>
size_t similarity_scratch_bytes(const ModelConfig& config, size_t length, int n_threads);

// Whose similarity a layer must have to join a block: its lowest layer, the layer before, or all of its layers.
enum class CompareWith { kLowest, kPrevious, kAll };

// A layer joins iff that similarity is at least delta.
SharingMap map_from_similarity(const PairTable& similarity, const CacheGeometry& geometry, double delta,
                               CompareWith compare, size_t ns, size_t nr);

// All different maps that share as delta falls from above 1, with the largest delta of each.
struct DeltaStep {
  double delta;
  SharingMap map;
};
std::vector<DeltaStep> maps_by_delta(const PairTable& similarity, const CacheGeometry& geometry, CompareWith compare,
                                     size_t ns, size_t nr);

// The mean over all cells of 1 - similarity to the layer whose keys they use; 0 for cells that use their own.
double dissimilarity(const PairTable& similarity, const SharingMap& map);

}  // namespace proxima
