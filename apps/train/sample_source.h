// SPDX-License-Identifier: MIT
// Where training samples come from: token sequences of any asked length, with what each token counts as in the loss.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/config.h"

namespace proxima {

// What predicting a token from those before it counts as. The first token of an answer is watched apart: the later ones
// can be had by matching the earlier ones, without looking up what was asked for.
enum class TokenRole : uint8_t {
  kContext,      // no loss
  kText,         // prose
  kFirstAnswer,  // the first token of an answer
  kAnswer,       // its other tokens
};

struct Sample {
  std::vector<TokenId> ids;
  std::vector<TokenRole> roles;  // [ids]; roles[i] says what predicting ids[i] is; roles[0] is kContext
};

class SampleSource {
 public:
  virtual ~SampleSource() = default;
  // The index-th sample of exactly `length` tokens: a function of the source's seed, index and length alone, so that a
  // resumed run sees what an uninterrupted one would. May be called from several threads.
  virtual Sample sample(uint64_t index, size_t length) const = 0;
};

}  // namespace proxima
