// SPDX-License-Identifier: MIT
// `proxima train`: a small model from scratch, as a JSON file describes it.
#pragma once

#include "apps/train/training_run.h"

namespace proxima {

struct TrainOptions : TrainingRunOptions {};

void declare_train(CLI::App& app, TrainOptions& options);
void train(const TrainOptions& options, TrainFunction train);

}  // namespace proxima
