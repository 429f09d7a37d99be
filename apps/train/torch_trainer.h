// SPDX-License-Identifier: MIT
// The training loop over LibTorch.
#pragma once

#include "apps/train/training_job.h"

namespace proxima {

TrainingResult torch_train(const TrainingJob& job, const std::filesystem::path& weights);

}  // namespace proxima
