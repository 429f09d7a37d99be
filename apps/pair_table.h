// SPDX-License-Identifier: MIT
// A number for each pair of layers lower < upper of each KV head, averaged over rows as they come in.
#pragma once

#include <cstddef>
#include <vector>

namespace proxima {

struct PairTable {
  PairTable(size_t layers, size_t kv_heads)
      : n_layers(layers), n_kv_heads(kv_heads), sums(kv_heads * layers * layers), n_rows(kv_heads * layers * layers) {}

  size_t index(size_t kv_head, size_t lower, size_t upper) const {
    return (kv_head * n_layers + lower) * n_layers + upper;
  }
  // NaN where nothing was added.
  double mean(size_t kv_head, size_t lower, size_t upper) const {
    const size_t i = index(kv_head, lower, upper);
    return sums[i] / n_rows[i];
  }

  size_t n_layers;
  size_t n_kv_heads;
  std::vector<double> sums;    // [n_kv_heads, n_layers, n_layers]
  std::vector<double> n_rows;  // likewise
};

}  // namespace proxima
