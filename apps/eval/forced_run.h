// SPDX-License-Identifier: MIT
// One sequence as a model would live it: the first tokens are the prompt, read in chunks, at whose end a cache acts
// (selection, rings shrinking); the last ones come one at a time, as if the model had written them.
#pragma once

#include <functional>
#include <span>

#include "apps/progress.h"
#include "apps/session.h"
#include "model/config.h"

namespace proxima {

struct ForcedSequence {
  std::span<const TokenId> ids;
  size_t n_forced = 256;  // the last ones; 1 to ids.size() - 1
  size_t n_scored_prompt =
      256;  // of the tokens before them, predicted inside the prompt; at most ids.size() - 1 - n_forced
};

// Predicting ids[target]; logits [vocab], exact in double, valid during the call only.
using ScoreRow = std::function<void(size_t target, std::span<const double> logits)>;

struct ForcedCost {
  CacheBytes reading;   // before the cache acted
  CacheBytes kv;        // at the end
  size_t kv_dense = 0;  // what the dense cache would keep
  size_t n_tokens = 0;
  double prompt_seconds = 0;
  double forced_seconds = 0;
};

// Calls `score` for the scored targets in ascending order. The first forced token is predicted by the prompt's last
// position, that is before the cache acts; the last one is predicted but not read. Throws Error(kInterrupt) where the
// user interrupts, and what Session::start() and the forward pass throw.
ForcedCost run_forced(const Session& session, const std::string& what, const ForcedSequence& sequence,
                      const ScoreRow& score);

}  // namespace proxima
