// SPDX-License-Identifier: MIT
// Texts as one long row of tokens, and where paragraphs and sentences begin in it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "apps/eval/random_stream.h"
#include "apps/input.h"
#include "model/tokenizer.h"

namespace proxima {

// Immutable and thread-safe.
class Prose {
 public:
  // The texts one after the other, an empty line between them. Throws Error(kUsage) where they hold no paragraph.
  Prose(const Tokenizer& tokenizer, std::span<const Document> texts);

  std::span<const TokenId> ids() const { return ids_; }
  // Whether a sentence ends before ids()[index] and what follows is set off by a blank or a line's end, so that a
  // sentence of one's own can stand between them and all tokens stay what the tokenizer makes of the text.
  bool can_insert(size_t index) const { return index > 0 && flag(index - 1, kEndsSentence) && begins_blank(index); }
  // Whether ids()[index] begins with a blank or a line's end.
  bool begins_blank(size_t index) const { return flag(index, kBeginsBlank); }
  bool begins_line(size_t index) const { return flag(index, kBeginsLine); }

  // The beginning of a paragraph, or of a sentence inside one, with at least n_tokens from there on. Throws
  // Error(kUsage) where the texts are too short.
  size_t paragraph(RandomStream& random, size_t n_tokens) const { return pick(paragraphs_, random, n_tokens); }
  size_t inner_sentence(RandomStream& random, size_t n_tokens) const { return pick(sentences_, random, n_tokens); }

 private:
  enum Flag : uint8_t { kEndsSentence = 1, kBeginsBlank = 2, kBeginsLine = 4, kEndsLine = 8 };
  bool flag(size_t index, Flag which) const { return index < ids_.size() && (flags_[ids_[index]] & which) != 0; }
  size_t pick(const std::vector<size_t>& places, RandomStream& random, size_t n_tokens) const;

  std::vector<TokenId> ids_;
  std::vector<uint8_t> flags_;  // [token]
  std::vector<size_t> paragraphs_;
  std::vector<size_t> sentences_;  // inside paragraphs: they begin with a blank
};

}  // namespace proxima
