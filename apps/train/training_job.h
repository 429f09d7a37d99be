// SPDX-License-Identifier: MIT
// A training run ready to start, and where what it keeps lies.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "apps/progress.h"
#include "apps/train/train_settings.h"
#include "core/dtype.h"
#include "kvcache/sharing_map.h"
#include "model/weights.h"

namespace proxima {

struct TrainingJob {
  ModelConfig config;
  const Model* model = nullptr;     // the first weights, which also teach; null: random ones
  double initializer_range = 0.02;  // standard deviation of random ones
  std::optional<LoraSettings> lora;
  std::optional<SharingMap> map;  // dense where absent
  TrainSettings settings;
  DType dtype = DType::kBF16;  // of the weights written at the end

  // All that decides the result; a checkpoint made with another value of any is refused by name.
  std::map<std::string, std::string> identity;
  std::filesystem::path state;  // folder of checkpoint, log and curve
  bool restart = false;         // forget what is there
  ProgressMode progress = ProgressMode::kAuto;
  bool quiet = false;
};

struct TrainingResult {
  size_t steps = 0;
  size_t tokens = 0;
  size_t n_trained = 0;  // numbers that were trained
  double seconds = 0;    // all sessions together
  std::string summary;   // of the last steps
};

// Trains to the end, from the last checkpoint if there is one, and writes the weights as one safetensors file. Throws
// Error(kInterrupt) with the checkpoint written, Error(kNonFinite) for a loss that is no number, Error(kOutput).
using TrainFunction = TrainingResult (*)(const TrainingJob& job, const std::filesystem::path& weights);

inline std::filesystem::path training_log(const std::filesystem::path& state) {
  return state / "log.jsonl";
}
inline std::filesystem::path training_curve(const std::filesystem::path& state) {
  return state / "loss.svg";
}

}  // namespace proxima
