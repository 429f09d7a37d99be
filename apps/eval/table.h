// SPDX-License-Identifier: MIT
// `proxima eval table`: many caches on one model, in one table: bytes, saving, perplexity, divergence, facts found,
// what was lost against the dense cache, speed.
#pragma once

#include <string>
#include <vector>

#include "apps/eval/needle.h"

namespace proxima {

struct TableOptions : EvalOptions {
  std::vector<std::string> caches;
  std::string cache_file;
  WindowOptions windows;
  NeedleFlags needle;
};

void declare_table(CLI::App& app, TableOptions& options);
void eval_table(const TableOptions& options);

}  // namespace proxima
