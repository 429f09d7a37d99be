// SPDX-License-Identifier: MIT
// What a training run is told, whatever the command: stages, loss, optimizer, what is trained.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/train/sample_source.h"

namespace proxima {

struct LoraSettings {
  size_t rank = 8;
  double alpha = 16;                 // B A is multiplied by alpha / rank
  std::vector<std::string> modules;  // "q_proj", "down_proj", ...
};

// How much predicting a token of each role counts; context never does.
struct RoleWeights {
  double text = 1;
  double first_answer = 1;
  double answer = 1;

  double of(TokenRole role) const {
    switch (role) {
      case TokenRole::kContext:
        return 0;
      case TokenRole::kText:
        return text;
      case TokenRole::kFirstAnswer:
        return first_answer;
      case TokenRole::kAnswer:
        return answer;
    }
    return 0;
  }
};

// A stretch of the run at one sequence length.
struct TrainStage {
  size_t length = 0;         // tokens of a sample
  size_t tokens = 0;         // of the stage; rounded up to whole steps
  size_t batch_tokens = 0;   // of a step; at least one sample
  double learning_rate = 0;  // at the schedule's height
  RoleWeights roles;
  size_t positions = 0;  // tokens of a sample are spread over so many (spread_positions); 0: they are neighbours
  std::shared_ptr<const SampleSource> source;

  size_t samples_per_step() const { return batch_tokens > length ? batch_tokens / length : 1; }
  size_t tokens_per_step() const { return samples_per_step() * length; }
  size_t n_steps() const { return (tokens + tokens_per_step() - 1) / tokens_per_step(); }
};

struct TrainSettings {
  std::vector<TrainStage> stages;
  double truth = 1;         // share of the next token's cross-entropy in the loss
  double teacher = 0;       // share of KL(dense teacher with the first weights || student)
  double warm_up = 0.02;    // share of the steps, in which the rate rises to the stage's
  double final_rate = 0.1;  // of the stage's, at the end of the cosine
  double average = 0;       // share of the steps, the last ones, after which weights are averaged; 0: the last weights
  double weight_decay = 0.1;  // of matrices, embeddings excepted
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double clip = 1;  // largest norm of a step's gradient; 0: any
  bool bf16 = false;
  size_t n_threads = 1;
  uint64_t seed = 1;
  double save_seconds = 120;  // between checkpoints
};

}  // namespace proxima
