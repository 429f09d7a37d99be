// SPDX-License-Identifier: MIT
// `proxima plan`: what a run will need and what fits this machine, from config.json and the safetensors headers alone.
#pragma once

#include <string>
#include <vector>

#include "apps/common_options.h"

namespace proxima {

struct PlanOptions {
  CommonOptions common;
  std::vector<std::string> files;   // documents to count tokens of
  std::optional<size_t> n_tokens;   // a context to plan for; otherwise that of the files, or the model's limit
  std::optional<size_t> n_predict;  // with files; 256 where absent
  bool json = false;
};

void declare_plan(CLI::App& app, PlanOptions& options);
void plan(const PlanOptions& options);

}  // namespace proxima
