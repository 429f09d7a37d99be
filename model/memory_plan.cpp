// SPDX-License-Identifier: MIT
#include "model/memory_plan.h"

#include <algorithm>
#include <vector>

#include "core/attention.h"
#include "core/gemm.h"
#include "model/activations.h"

namespace proxima {
namespace {

// Code and libraries, the buffers that OpenBLAS and oneDNN keep for each thread, and a large tokenizer: measured 40 to
// 90 MiB with 2 threads.
constexpr size_t kProgramBytes = size_t{64} << 20;
constexpr size_t kLibraryBytesPerThread = size_t{24} << 20;

// Norm weights and biases, widened once.
size_t widened_elements(const ModelConfig& config) {
  const size_t q_width = config.n_heads * config.head_dim;
  const size_t kv_width = config.n_kv_heads * config.head_dim;
  size_t per_layer = (config.post_norms ? 4 : 2) * config.hidden;
  if (config.qkv_bias) per_layer += q_width + 2 * kv_width;
  if (config.o_bias) per_layer += config.hidden;
  if (config.qk_norm) per_layer += 2 * config.head_dim;
  if (config.mlp_bias) per_layer += 2 * config.intermediate + config.hidden;
  return config.n_layers * per_layer + config.hidden;
}

// Of all different rotations among the layers: a cosine and a sine for every pair.
size_t angles_per_token(const ModelConfig& config) {
  std::vector<RopeParameters> rotations;
  size_t n_angles = 0;
  for (const LayerConfig& layer : config.layers) {
    if (std::ranges::find(rotations, layer.rope) != rotations.end()) continue;
    rotations.push_back(layer.rope);
    n_angles += layer.rope.n_dims;
  }
  return n_angles;
}

template <class T>
size_t scratch_of(const ModelConfig& config, const TransformerLimits& limits, int n_threads) {
  const AttentionShape shape{config.n_heads, config.n_kv_heads, config.head_dim};
  return Activations<T>::n_bytes(config, limits.max_chunk) +
         FixedAttention<T>::scratch_bytes(n_threads, shape, limits.max_context) +
         BlockedAttention::scratch_bytes(n_threads, shape) +
         (widened_elements(config) + limits.max_chunk * angles_per_token(config)) * sizeof(T) +
         config.vocab * sizeof(double);  // the last logits
}

}  // namespace

size_t transformer_scratch_bytes(const ModelConfig& config, Precision precision, const TransformerLimits& limits,
                                 int n_threads) {
  if (precision == Precision::kF64) return scratch_of<double>(config, limits, n_threads);
  const size_t common = scratch_of<float>(config, limits, n_threads);
  if (precision == Precision::kF32) return common;
  const size_t widest = std::max({config.hidden, config.n_heads * config.head_dim, config.intermediate});
  return common + Gemm::scratch_bytes(n_threads, limits.max_chunk, widest);
}

CacheCapacity cache_capacity(const MemoryRequest& request) {
  return {request.limits.max_context, request.limits.max_chunk, request.key_dtype, request.value_dtype};
}

MemoryPlan plan_memory(const ModelConfig& config, size_t weights_bytes, const MemoryRequest& request) {
  const CacheGeometry geometry = cache_geometry(config);
  const CacheCapacity capacity = cache_capacity(request);
  const size_t n_tokens = request.limits.max_context;
  const CacheChoice cache =
      request.budget ? nearest_to_budget(request.cache, *request.budget, geometry, capacity, n_tokens) : request.cache;
  MemoryPlan plan;
  plan.weights = weights_bytes;
  plan.kv = planned_cache_bytes(cache, geometry, capacity, n_tokens, CachePhase::kAfterPrompt);
  plan.reading = planned_cache_bytes(cache, geometry, capacity, n_tokens, CachePhase::kReadingPrompt);
  plan.kv_dense = planned_cache_bytes({}, geometry, capacity, n_tokens, CachePhase::kAfterPrompt).logical;
  plan.scratch = transformer_scratch_bytes(config, request.precision, request.limits, request.n_threads);
  plan.program = kProgramBytes + static_cast<size_t>(request.n_threads) * kLibraryBytesPerThread;
  plan.peak = plan.weights + plan.reading.allocated + plan.scratch + plan.program;
  return plan;
}

size_t largest_context(const ModelConfig& config, size_t weights_bytes, const MemoryRequest& request, size_t limit,
                       size_t available) {
  MemoryRequest trial = request;
  size_t fits = 0;
  size_t too_long = limit + 1;
  while (too_long - fits > 1) {
    trial.limits.max_context = fits + (too_long - fits) / 2;
    trial.limits.max_chunk = std::min(request.limits.max_chunk, trial.limits.max_context);
    const bool ok = plan_memory(config, weights_bytes, trial).peak <= available;
    (ok ? fits : too_long) = trial.limits.max_context;
  }
  return fits;
}

}  // namespace proxima
