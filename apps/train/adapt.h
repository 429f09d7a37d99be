// SPDX-License-Identifier: MIT
// `proxima adapt`: light post-training of a model, so that it is at home under its sharing map.
#pragma once

#include "apps/train/training_run.h"

namespace proxima {

// What is absent stands at its default, unless --config describes the run.
struct AdaptOptions : TrainingRunOptions {
  std::vector<std::string> texts;
  std::string tasks;
  std::optional<double> task_share;
  std::string lengths;
  std::optional<size_t> tokens, batch_tokens, seed;
  std::optional<double> learning_rate, warm_up, final_rate, weight_decay, clip;
  std::optional<double> teacher, first_answer, answer;
  std::optional<size_t> lora_rank;
  std::optional<double> lora_alpha;
  std::string lora_modules;
  std::string products;
};

void declare_adapt(CLI::App& app, AdaptOptions& options);
void adapt(const AdaptOptions& options, TrainFunction train);

}  // namespace proxima
