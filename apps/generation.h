// SPDX-License-Identifier: MIT
// Flags that say how an answer is picked and delivered.
#pragma once

#include "apps/common_options.h"
#include "apps/progress.h"
#include "model/sampler.h"

namespace proxima {

struct GenerationOptions {
  size_t n_predict = 256;
  SamplerOptions sampler;
  bool json = false;
  bool no_stream = false;
  ProgressMode progress = ProgressMode::kAuto;
};

void declare_generation(CLI::App& app, GenerationOptions& options);
// Of a command that reads a prompt, unless `help` says what else takes long.
void add_progress_option(CLI::App& app, ProgressMode& mode,
                         const std::string& help = "on standard error, while the prompt is read");
// Throws Error(kUsage) for sampling flags out of range or without effect.
void check_generation(const GenerationOptions& options);

}  // namespace proxima
