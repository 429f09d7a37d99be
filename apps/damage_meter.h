// SPDX-License-Identifier: MIT
// What a sharing map does to a model's predictions: the mean KL(dense || shared) of the next-token distributions at the
// scored positions of texts, and how much less probable the answers of tasks become.
//
// Reads every sample once with the dense cache and keeps its keys, values and residuals. A map is then measured by
// running only what it changes: layers from its lowest new borrower upward, tokens from the first that has distant
// tokens.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "apps/dense_run.h"
#include "apps/explore_samples.h"
#include "kvcache/trial_cache.h"
#include "model/memory_plan.h"

namespace proxima {

struct Damage {
  double kl = 0;         // nats a token, mean over the scored positions of all texts
  double task_loss = 0;  // nats a token of the answers, mean over them, less the dense model's
  double total() const { return kl + task_loss; }
};

// How it works within the memory there is: the residual is kept before every residual_stride-th layer; a run enters at
// the nearest one below.
struct MeterPlan {
  size_t residual_stride = 1;
  size_t bytes = 0;  // of all samples, beyond the transformer's scratch and one dense cache
};

class DamageMeter {
 public:
  // Model and samples must outlive it. Nothing is read yet.
  DamageMeter(const Model& model, const Compute& compute, const MemoryRequest& request,
              std::span<const ExploreSample> samples, size_t ns, size_t nr, size_t residual_stride);
  ~DamageMeter();

  static size_t n_bytes(const ModelConfig& config, const MemoryRequest& request, std::span<const ExploreSample> samples,
                        size_t ns, size_t nr, size_t residual_stride);
  // The smallest stride whose bytes fit into `available`, or the largest if none does.
  static MeterPlan plan(const ModelConfig& config, const MemoryRequest& request, std::span<const ExploreSample> samples,
                        size_t ns, size_t nr, size_t available);

  // Called after each sample with what has been done of a pass over all layers of all samples.
  using OnProgress = std::function<void(double layer_tokens)>;

  // The dense pass. Throws Error(kInterrupt) where go_on says so, here and below.
  void read_dense(const GoOn& go_on, const OnProgress& on_progress);

  // Measures a map that differs from the current one, at first nobody's sharing, only from first_layer upward.
  Damage measure(const SharingMap& map, size_t first_layer, const GoOn& go_on);
  // Makes such a map the current one.
  Damage commit(const SharingMap& map, size_t first_layer, const GoOn& go_on);

  // What measuring from this layer runs, in tokens times layers, of all samples.
  double layer_tokens(size_t first_layer) const;

 private:
  struct Kept;
  class Recorder;

  size_t entry_layer(size_t layer) const { return layer / residual_stride_ * residual_stride_; }
  size_t first_token(const ExploreSample& sample) const;
  Damage run_all(const SharingMap& map, size_t first_layer, bool keep, const GoOn& go_on);
  void run_sample(size_t index, size_t entry, size_t begin, Recorder& recorder, const GoOn& go_on);
  double row_kl(size_t index, size_t row, const std::byte* logits) const;
  double row_loss(const ExploreSample& sample, size_t row, const std::byte* logits) const;

  const Model& model_;
  Compute compute_;
  MemoryRequest request_;
  std::span<const ExploreSample> samples_;
  size_t ns_;
  size_t nr_;
  size_t residual_stride_;
  DType dtype_;  // of residuals and logits
  std::unique_ptr<Transformer> transformer_;
  TrialCache cache_;
  KeyValueStore trial_;
  std::vector<Kept> kept_;  // [samples]
  Damage dense_;            // its task loss is what others are compared with
  SharingMap identity_;
};

}  // namespace proxima
