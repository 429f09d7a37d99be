// SPDX-License-Identifier: MIT
// Reads a prompt in chunks and continues it token by token.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "kvcache/kv_cache.h"
#include "model/sampler.h"
#include "model/transformer.h"

namespace proxima {

struct Progress {
  size_t done = 0;  // tokens of the prompt
  size_t total = 0;
};

enum class StopReason { kEndToken, kLength, kInterrupted };

class Generator {
 public:
  // Both belong to the caller and to one sequence; the cache must be of the transformer's geometry.
  Generator(Transformer& transformer, KvCache& cache) : transformer_(transformer), cache_(cache) {}

  // Reads the prompt; afterwards logits() are those of its last token. `reserve` tokens are to follow: throws
  // Error(kContext) if prompt and reserve exceed the limits or the rotation's range, Error(kUsage) if it is empty,
  // Error(kNonFinite) if a logit is NaN or infinite. `progress` is called after each chunk; returning false interrupts
  // with Error(kInterrupt).
  void read_prompt(std::span<const TokenId> ids, size_t reserve,
                   const std::function<bool(const Progress&)>& progress = nullptr, Observer* observer = nullptr);

  // Picks up to n_predict tokens. `emit` gets each token that is not an end token and returns false to stop.
  StopReason generate(size_t n_predict, Sampler& sampler, std::span<const TokenId> end_ids,
                      const std::function<bool(TokenId)>& emit, Observer* observer = nullptr);

  // Reads one further token as if it had been picked; afterwards logits() are those of the next.
  void take(TokenId id, Observer* observer = nullptr);

  std::span<const double> logits() const { return transformer_.logits(); }

 private:
  void check_logits() const;

  Transformer& transformer_;
  KvCache& cache_;
};

}  // namespace proxima
