// SPDX-License-Identifier: MIT
// Learns a byte-level BPE vocabulary: the most frequent pair of neighbouring tokens becomes a token, again and again
// (Sennrich, Haddow, Birch 2016). Texts are reduced to their different words with how often each occurs; a merge
// touches only the words that hold its pair, so the time is that of splitting the texts, near-linear in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/config.h"
#include "model/pre_tokenizer.h"

namespace proxima {

struct BpeVocabulary {
  std::vector<std::string> tokens;                  // [id] bytes; the first 256 are the single bytes
  std::vector<std::pair<TokenId, TokenId>> merges;  // in the order in which they apply
};

// Merges do not cross words, which are what a pre-tokenizer makes of the text. One thread; the result depends on the
// texts' words alone, not on the order in which they were added.
class BpeTrainer {
 public:
  // Words longer than this are counted in parts of this many bytes, so that text without spaces takes no longer.
  static constexpr size_t kLongestWord = 256;

  // pre_tokenizer: as for PreTokenizer::parse.
  explicit BpeTrainer(std::string_view pre_tokenizer);

  void add(std::string_view text);  // valid UTF-8
  size_t n_words() const { return counts_.size(); }

  // At most n_tokens tokens, at least the 256 bytes. Of pairs that occur equally often the one with the lower left id,
  // then the lower right id is merged; pairs that occur once are not. Fewer tokens where no pair is left. Two merges
  // may spell the same token, which then has two ways to it.
  BpeVocabulary train(size_t n_tokens) const;

 private:
  PreTokenizer pre_tokenizer_;
  RegexScratch scratch_;
  std::unordered_map<std::string, uint64_t> counts_;  // [word]
};

}  // namespace proxima
