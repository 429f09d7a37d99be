// SPDX-License-Identifier: MIT
// Reads a tokenizer.json into its parts. The vocabulary and the merges, a million strings, are read by a pull reader;
// the small components by their own files.
#pragma once

#include <string_view>

#include "model/added_tokens.h"
#include "model/bpe.h"
#include "model/normalizer.h"
#include "model/post_processor.h"
#include "model/pre_tokenizer.h"
#include "model/token_decoder.h"

namespace proxima {

struct TokenizerParts {
  Normalizer normalizer;
  AddedTokens added;
  PreTokenizer pre_tokenizer;
  Bpe bpe;
  PostProcessor post_processor;
  TokenDecoder decoder;
  size_t n_tokens = 0;  // one more than the largest id
};

// Throws Error(kInput) naming the unsupported or damaged component.
TokenizerParts read_tokenizer_json(std::string_view json);

}  // namespace proxima
