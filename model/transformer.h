// SPDX-License-Identifier: MIT
// The forward pass of a decoder-only transformer in the three precisions, over any cache.
// Per layer: x += o(attention(q, k, v of norm(x))); x += down(silu(gate(norm(x))) * up(norm(x))) (Llama, arXiv
// 2302.13971), with rotary positions and grouped-query attention; what families add to it is said by ModelConfig.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "core/compute.h"
#include "kvcache/kv_cache.h"
#include "model/observer.h"
#include "model/weights.h"

namespace proxima {

// What the model asks of its cache. A layer's class is the first layer that rotates and masks as it does.
CacheGeometry cache_geometry(const ModelConfig& config);

struct TransformerLimits {
  size_t max_context = 0;  // tokens of the longest sequence
  size_t max_chunk = 1;    // tokens of the largest chunk
};

// Runs one sequence at a time; keeps scratch for the limits and no other state than the rotation of the current
// sequence. The model must outlive it. Not thread-safe; it uses compute.n_threads itself.
class Transformer {
 public:
  static std::unique_ptr<Transformer> create(const Model& model, const Compute& compute, Precision precision,
                                             const TransformerLimits& limits);
  virtual ~Transformer() = default;

  virtual const Model& model() const = 0;
  virtual Precision precision() const = 0;
  virtual const TransformerLimits& limits() const = 0;

  // Sets the rotation for a sequence whose prompt has prompt_length tokens (dynamic scaling depends on it).
  virtual void begin_sequence(size_t prompt_length) = 0;

  // Runs the next tokens of the cache's sequence, at most max_chunk, and appends them to the cache. Logits are computed
  // of the last token if want_logits, and of all tokens if the observer wants Point::kLogits. Throws Error(kUsage) for
  // an id outside the vocabulary, Error(kContext) beyond max_context, before anything changes.
  virtual void forward(std::span<const TokenId> ids, KvCache& cache, bool want_logits,
                       Observer* observer = nullptr) = 0;

  // As forward(), but enters at `layer` with what the layers below left in the residual: n_rows rows [hidden] as an
  // observer saw them (Point::kEmbed or kResidPost). The cache is asked and given only what concerns `layer` and above.
  virtual void forward_from(size_t layer, const std::byte* residual, size_t n_rows, KvCache& cache, bool want_logits,
                            Observer* observer = nullptr) = 0;

  // [vocab] of the last token of the last forward pass with want_logits; widened exactly to double.
  virtual std::span<const double> logits() const = 0;
};

// Bytes of the scratch that a transformer of these limits keeps.
size_t transformer_scratch_bytes(const ModelConfig& config, Precision precision, const TransformerLimits& limits,
                                 int n_threads);

// How `precision` stores keys and values if the user does not choose: F64, F32, BF16.
DType default_cache_dtype(Precision precision);

}  // namespace proxima
