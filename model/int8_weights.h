// SPDX-License-Identifier: MIT
// Weights quantized at load: half of bf16's bytes to read for each token, at the price of rounding (README.md has the
// figures).
#pragma once

#include <functional>

#include "core/compute.h"
#include "model/weights.h"

namespace proxima {

// Gives every linear layer and the output head of the model a quantized copy, which `fast` then multiplies by. The
// embedding, norms and biases stay as stored. progress(done, total) is told the elements after each matrix.
void quantize_weights(Model& model, const Compute& compute,
                      const std::function<void(size_t done, size_t total)>& progress = {});

// What weights need of memory, stored or with a quantized copy.
struct WeightBytes {
  size_t mapped = 0;     // of the files, and read while running
  size_t quantized = 0;  // resident copies
  size_t idle = 0;       // of the files, not read again once the copies are made

  size_t resident() const { return mapped + quantized; }
};
WeightBytes weight_bytes(const Checkpoint& checkpoint, const Weights& weights, bool int8);

}  // namespace proxima
