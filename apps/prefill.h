// SPDX-License-Identifier: MIT
// `proxima prefill`: reads a document once and saves its cache, for `run --kv` to ask questions of.
#pragma once

#include <string>

#include "apps/common_options.h"
#include "apps/progress.h"
#include "apps/prompt.h"

namespace proxima {

struct PrefillOptions {
  CommonOptions common;
  PromptOptions prompt;  // without an instruction
  std::string output;
  ProgressMode progress = ProgressMode::kAuto;
};

void declare_prefill(CLI::App& app, PrefillOptions& options);
void prefill(const PrefillOptions& options);

}  // namespace proxima
