// SPDX-License-Identifier: MIT
// What it does to a layer's attention output if one KV head of it took its distant keys from a lower layer, measured
// from one dense pass: the mean over the last queries of |o_shared - o_own|^2 / |o_own|^2, o after o_proj. And the
// greedy choice of sharing cells by this cost.
#pragma once

#include "apps/dense_run.h"
#include "apps/map_steps.h"
#include "apps/pair_table.h"

namespace proxima {

// Adds the errors of all (donor, layer) pairs that may lie in one block, of the sample that `run` has read. The output
// is linear in what the heads attended to, so o_shared - o_own is o_proj's columns of the group times the difference of
// the attended values. The same bits for any number of threads.
template <class T>
void add_local_errors(const DenseRun<T>& run, size_t ns, size_t nr, PairTable& errors);

// Bytes that it allocates for a while.
template <class T>
size_t local_scratch_bytes(const ModelConfig& config, size_t length, size_t n_queries, int n_threads);

// What turning `cell` into a borrower adds: its own error, and how the errors of those that borrowed from it change.
// Errors of different cells are taken to add up.
double local_increase(const PairTable& errors, const SharingMap& map, const Cell& cell);

struct LocalStep {
  Cell cell;
  double error;  // of the map after this step: the sum over its borrowers, divided by the number of layers
};
// From nobody sharing to everybody: each time the cell that adds least; of equals the lowest layer, then head.
std::vector<LocalStep> greedy_by_local_error(const PairTable& errors, const CacheGeometry& geometry, size_t ns,
                                             size_t nr);

}  // namespace proxima
