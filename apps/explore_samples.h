// SPDX-License-Identifier: MIT
// What `explore` runs the model on: windows of the user's texts, and (context, answer) pairs.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/input.h"
#include "model/tokenizer.h"

namespace proxima {

// One sequence. The next-token distributions of its last n_scored positions are looked at: those of a text are compared
// with the dense model's, those of a task say how probable the answer is.
struct ExploreSample {
  std::vector<TokenId> ids;
  size_t n_scored = 0;
  std::vector<TokenId> targets = {};  // [n_scored] of a task: the answer; empty for a text
};

struct SampleRequest {
  std::optional<size_t> length =
      {};  // tokens of a window, BOS included; absent: of the shortest text, at most most_length
  std::optional<size_t> n_samples = {};  // absent: all that the texts hold, at most kDefaultSamples
  size_t n_queries = 64;                 // scored positions
  size_t most_length = SIZE_MAX;         // the model's context
};
constexpr size_t kDefaultSamples = 32;
constexpr size_t kDefaultLength = 8192;

// Consecutive disjoint windows of the texts in the order given, none across two texts, each behind what the tokenizer
// puts first (BOS). Throws Error(kUsage) if the texts are shorter than asked, Error(kContext) beyond the context.
std::vector<ExploreSample> cut_samples(std::span<const Document> texts, const Tokenizer& tokenizer,
                                       const SampleRequest& request);

// One JSON object a line, {"context": text, "answer": text}; the answer's tokens follow the context's. Throws
// Error(kInput) naming file and line.
std::vector<ExploreSample> read_tasks(const std::string& path, const Tokenizer& tokenizer, size_t most_length);

// 16 hexadecimal digits over all ids and what is scored: whether two runs saw the same tokens.
std::string samples_digest(std::span<const ExploreSample> samples);

}  // namespace proxima
