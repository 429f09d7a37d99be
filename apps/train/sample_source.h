// SPDX-License-Identifier: MIT
// Where training samples come from: plain texts, tasks, planted documents, mixtures of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "apps/eval/random_stream.h"
#include "model/config.h"

namespace proxima {

// What predicting a token counts as; the trainer weighs each and watches first answer tokens apart, because later ones
// can be had by matching the earlier ones.
enum class TokenRole : uint8_t {
  kContext,  // no loss
  kText,
  kFirstAnswer,  // first token of an answer
  kAnswer,
};

struct Sample {
  std::vector<TokenId> ids;
  // roles[i]: what predicting ids[i] from those before it counts as; roles[0] is kContext.
  std::vector<TokenRole> roles;
  std::vector<size_t> positions = {};  // of the tokens, rising; empty: 0, 1, 2, ...
};

class SampleSource {
 public:
  virtual ~SampleSource() = default;

  // The index-th sample of exactly `length` tokens: a function of the source's seed, index and length alone, so that a
  // resumed run sees what an uninterrupted one would. Called from several threads at once.
  virtual Sample sample(uint64_t index, size_t length) const = 0;
};

// Positions below `span` for `length` tokens: stretches of neighbours with gaps between them, so that short samples
// train the distances of long ones (PoSE, arXiv 2309.10400, there with two stretches). span is at least length.
std::vector<size_t> spread_positions(RandomStream& random, size_t length, size_t span);

}  // namespace proxima
