// SPDX-License-Identifier: MIT
// What `train` and `adapt` share: options, and the way from a job to a finished Hugging Face folder.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "apps/common_options.h"
#include "apps/train/training_job.h"
#include "model/tokenizer.h"

namespace proxima {

struct TrainingRunOptions {
  CommonOptions common;  // model, threads, verbosity
  std::string output;
  std::string config;
  std::string map;
  bool dense_twin = false;
  bool f32 = false;  // of the weights written
  size_t save_every = 120;
  bool restart = false;
  ProgressMode progress = ProgressMode::kAuto;
};

void declare_training_run(CLI::App& app, TrainingRunOptions& options);

// Reads --map and checks it against the model. `model` is null where the weights are random: then the map may not be
// bound to any.
std::optional<SharingMap> training_map(const TrainingRunOptions& options, const ModelConfig& config,
                                       const Model* model);

// Throws Error(kUsage) where -o holds something already.
void check_output(const TrainingRunOptions& options);

// Of a job whose config, model, settings and first identity are set: trains, and writes the folder: weights, `config`
// as config.json, the tokenizer's files of `tokenizer_dir`, map.json, and the record: training.json, .jsonl, .svg. All
// is in a temporary folder first, which is renamed.
void run_training(TrainingJob job, const TrainingRunOptions& options, const nlohmann::ordered_json& described,
                  const nlohmann::ordered_json& config, const std::filesystem::path& tokenizer_dir,
                  TrainFunction train);

// Puts each member of the description into the job's identity, with what the samples are.
void identify(TrainingJob& job, const nlohmann::ordered_json& described, const std::filesystem::path& tokenizer_dir);

}  // namespace proxima
