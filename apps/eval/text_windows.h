// SPDX-License-Identifier: MIT
// Texts cut into windows of equal length to score a model on.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "apps/input.h"
#include "model/tokenizer.h"

namespace proxima {

struct WindowRequest {
  std::optional<size_t> length;     // tokens, BOS included; absent: of the shortest text, at most kDefaultWindow
  std::optional<size_t> n_windows;  // absent: all that the texts hold, at most kDefaultWindows
  size_t most_length = SIZE_MAX;    // the model's context
};
constexpr size_t kDefaultWindow = 4096;
constexpr size_t kDefaultWindows = 32;

// What the tokenizer puts before a text: BOS, or nothing.
std::vector<TokenId> ids_before_text(const Tokenizer& tokenizer);

// Consecutive disjoint windows of the texts in the order given, none across two texts, each behind what the tokenizer
// puts first. Throws Error(kUsage) if the texts are shorter than asked and Error(kContext) beyond the context.
std::vector<std::vector<TokenId>> cut_windows(std::span<const Document> texts, const Tokenizer& tokenizer,
                                              const WindowRequest& request);

}  // namespace proxima
