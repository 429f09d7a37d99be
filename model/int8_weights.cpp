// SPDX-License-Identifier: MIT
#include "model/int8_weights.h"

#include <memory>

#include "core/int8_matrix.h"
#include "core/mapped_file.h"
#include "core/matrix.h"

namespace proxima {
namespace {

// Calls f(linear) for each matrix that products multiply by.
template <class AnyWeights, class F>
void each_linear(AnyWeights& weights, F f) {
  for (auto& layer : weights.layers) {
    for (auto* linear : {&layer.q, &layer.k, &layer.v, &layer.o, &layer.gate, &layer.up, &layer.down}) f(*linear);
  }
  f(weights.lm_head);
}

}  // namespace

void quantize_weights(Model& model, const Compute& compute,
                      const std::function<void(size_t done, size_t total)>& progress) {
  size_t total = 0, done = 0;
  each_linear(model.weights, [&](const LinearWeights& linear) { total += linear.weight.n_elements(); });
  each_linear(model.weights, [&](LinearWeights& linear) {
    const Matrix stored = Matrix::from(linear.weight);
    model.quantized.push_back(std::make_shared<const Int8Matrix>(stored.rows, stored.n_out, stored.n_in, compute));
    linear.int8 = model.quantized.back().get();
    forget_pages(linear.weight.data, linear.weight.n_bytes());
    done += linear.weight.n_elements();
    if (progress) progress(done, total);
  });
}

WeightBytes weight_bytes(const Checkpoint& checkpoint, const Weights& weights, bool int8) {
  WeightBytes bytes{checkpoint.n_bytes(), 0, 0};
  if (!int8) return bytes;
  each_linear(weights, [&](const LinearWeights& linear) {
    bytes.quantized += Int8Matrix::n_bytes(linear.weight.shape[0], linear.weight.shape[1]);
    if (linear.weight.data != weights.embed.data) bytes.idle += linear.weight.n_bytes();
  });
  bytes.mapped -= bytes.idle;
  return bytes;
}

}  // namespace proxima
