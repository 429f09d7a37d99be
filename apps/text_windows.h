// SPDX-License-Identifier: MIT
// Texts cut into windows of equal length.
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

// Texts as tokens, and what the tokenizer puts before each: BOS, or nothing.
struct TokenizedTexts {
  std::vector<TokenId> before;
  std::vector<std::vector<TokenId>> texts;
};
TokenizedTexts tokenize_texts(std::span<const Document> texts, const Tokenizer& tokenizer);

// The length asked for, or that of the shortest text but at most default_length and most_length. Throws Error(kUsage)
// if the texts are shorter than asked and Error(kContext) beyond most_length.
size_t window_length(std::span<const Document> texts, const TokenizedTexts& tokenized, std::optional<size_t> asked,
                     size_t most_length, size_t default_length);

// At most n consecutive disjoint windows of the texts in the order given, none across two texts, each of `length`
// tokens with what the tokenizer puts first, which must be fewer.
std::vector<std::vector<TokenId>> cut_texts(const TokenizedTexts& tokenized, size_t length, size_t n);

// Windows to score a model on. Throws Error(kUsage) if the texts are shorter than asked and Error(kContext) beyond the
// context.
std::vector<std::vector<TokenId>> cut_windows(std::span<const Document> texts, const Tokenizer& tokenizer,
                                              const WindowRequest& request);

}  // namespace proxima
