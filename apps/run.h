// SPDX-License-Identifier: MIT
// `proxima run`: completes or answers one prompt, streaming. answer() is the job itself, shared with `summarize`.
#pragma once

#include <span>

#include "apps/answer.h"
#include "apps/common_options.h"
#include "apps/progress.h"
#include "apps/prompt.h"

namespace proxima {

struct GenerationOptions {
  size_t n_predict = 256;
  SamplerOptions sampler;
  bool json = false;
  bool no_stream = false;
  bool check_finite = false;
  ProgressMode progress = ProgressMode::kAuto;
};

void declare_generation(CLI::App& app, GenerationOptions& options);
// Throws Error(kUsage) for sampling flags out of range or without effect.
void check_generation(const GenerationOptions& options);

// Reads `ids` and continues them, text going to standard output as it comes unless it is to be kept for JSON. An
// interrupt ends it early with what is there (StopReason::kInterrupted).
Answer answer(const Session& session, const Tokenizer& tokenizer, Job& job, const std::string& what,
              std::span<const TokenId> ids, const GenerationOptions& options);

// Writes what answer() has not streamed, then the statistics; throws Error(kInterrupt) for an interrupted run.
void deliver(const Session& session, const Job& job, const Answer& result, const GenerationOptions& options);

struct RunOptions {
  CommonOptions common;
  PromptOptions prompt;
  GenerationOptions generation;
};

void declare_run(CLI::App& app, RunOptions& options);
void run(const RunOptions& options);

}  // namespace proxima
