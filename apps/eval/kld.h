// SPDX-License-Identifier: MIT
// `proxima eval kld`: how far a cache's next-token distributions are from the dense cache's, in one process or against
// a file that another process has written.
#pragma once

#include <optional>
#include <string>

#include "apps/eval/eval_options.h"

namespace proxima {

struct KldOptions : EvalOptions {
  WindowOptions windows;
  size_t n_prompt_rows = 256;
  std::string save_base;
  std::string base;
  std::optional<double> max_kld;
  std::optional<double> min_same_top;
};

void declare_kld(CLI::App& app, KldOptions& options);
void eval_kld(const KldOptions& options);

}  // namespace proxima
