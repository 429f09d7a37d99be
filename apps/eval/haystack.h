// SPDX-License-Identifier: MIT
// Long text to hide things in, as tokens: a folder of the user's texts, or prose made of our own words.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "model/tokenizer.h"

namespace proxima {

class Haystack {
 public:
  // An empty folder name: synthetic prose that `seed` and the copy determine. Otherwise all .txt files of the folder,
  // sorted by name, one after the other, from the beginning again where that is too short; each copy but the first
  // begins at another line. Throws Error(kInput) for a folder without text.
  Haystack(const Tokenizer& tokenizer, const std::string& folder, uint64_t seed);

  // The first n_tokens tokens of a copy. Valid until the next call.
  std::span<const TokenId> tokens(size_t n_tokens, size_t copy);

  std::string digest() const;  // of what decides the text

 private:
  size_t copy_begin(size_t copy) const;

  const Tokenizer& tokenizer_;
  std::string text_;  // of the folder; empty: synthetic
  uint64_t seed_;
  std::map<size_t, std::vector<TokenId>> copies_;
};

// The texts of a folder, sorted by name, joined by newlines.
std::string read_text_folder(const std::string& folder);

}  // namespace proxima
