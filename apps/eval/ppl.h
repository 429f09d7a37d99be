// SPDX-License-Identifier: MIT
// `proxima eval ppl`: perplexity of texts under a cache, inside the prompt and after it.
#pragma once

#include <optional>

#include "apps/eval/eval_options.h"

namespace proxima {

struct PplOptions : EvalOptions {
  WindowOptions windows;
  std::optional<double> max_ppl;
};

void declare_ppl(CLI::App& app, PplOptions& options);
void eval_ppl(const PplOptions& options);

}  // namespace proxima
