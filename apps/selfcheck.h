// SPDX-License-Identifier: MIT
// `proxima selfcheck`: proves on the user's own model what the precisions promise: the same bits in f32 (and f64) for
// any threads, chunks, SIMD target and for a cache saved and restored, PoD that shares nothing being dense, and how far
// `fast` is from f64.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "apps/common_options.h"

namespace proxima {

struct SelfcheckOptions {
  CommonOptions common;  // model, verbosity, threads
  std::string text;
  std::string ids;
  std::optional<size_t> n_tokens;
  bool f64 = false;
  double fast_nmse = 0.01;  // what `fast` may be off by, in each layer and the logits
  bool json = false;
};

void declare_selfcheck(CLI::App& app, SelfcheckOptions& options);
// Writes the table, or JSON, and throws Error(kLimit) where something is not as promised.
void selfcheck(const SelfcheckOptions& options);

// The map in which every cell keeps its own keys.
SharingMap identity_map(const CacheGeometry& geometry);
// Blocks of two layers wherever two neighbours rotate and mask alike; nothing where there are none.
std::optional<SharingMap> paired_map(const CacheGeometry& geometry);

}  // namespace proxima
