// SPDX-License-Identifier: MIT
// PyramidKV (arXiv 2406.02069): SnapKV with more tokens in low layers and fewer in high ones, the same in total.
#pragma once

#include <cstddef>
#include <vector>

namespace proxima {

struct PyramidKvSettings {
  size_t beta = 20;  // the highest layer keeps about 1/beta of the mean

  bool operator==(const PyramidKvSettings&) const = default;
};

// [n_layers] Tokens each layer keeps of a prompt of n_tokens, the observation window included, where budget is their
// mean.
std::vector<size_t> pyramidkv_budgets(size_t n_layers, size_t n_tokens, size_t budget, size_t window,
                                      const PyramidKvSettings& settings);

}  // namespace proxima
