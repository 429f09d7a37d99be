// SPDX-License-Identifier: MIT
#include "kvcache/pyramidkv.h"

#include <algorithm>

namespace proxima {

std::vector<size_t> pyramidkv_budgets(size_t n_layers, size_t n_tokens, size_t budget, size_t window,
                                      const PyramidKvSettings& settings) {
  if (n_tokens < budget) return std::vector<size_t>(n_layers, n_tokens);
  const size_t mean = budget - std::min(budget, window);
  std::vector<size_t> budgets(n_layers, mean + window);
  if (n_tokens < 2 * mean || n_layers == 1) return budgets;
  size_t low = mean / settings.beta;
  size_t high = 2 * mean - low;
  if (high >= n_tokens - window) {
    high = n_tokens - window;
    low = 2 * mean - high;
  }
  const size_t step = (high - low) / (n_layers - 1);
  for (size_t layer = 0; layer < n_layers; ++layer) budgets[layer] = high - layer * step + window;
  return budgets;
}

}  // namespace proxima
