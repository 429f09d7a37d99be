// SPDX-License-Identifier: MIT
// The files of a learnt byte-level tokenizer, as Hugging Face has them.
#pragma once

#include <filesystem>
#include <span>
#include <string>

#include "apps/train/bpe_trainer.h"

namespace proxima {

// The pre_tokenizer of tokenizer.json: ByteLevel's words, and each digit a word of its own where asked for.
std::string byte_level_pre_tokenizer(bool single_digits);

// tokenizer.json. Ids: the 256 bytes, the special tokens in their order, then what was learnt.
std::string tokenizer_json(const BpeVocabulary& vocabulary, std::span<const std::string> special,
                           const std::string& pre_tokenizer);

// Special tokens of a chat model's tokenizer; the first separates documents, the last ends a turn.
std::span<const std::string> chat_tokens();
// tokenizer_config.json for these: end token and a plain chat template, <|user|>text<|end|><|assistant|>.
std::string chat_tokenizer_config();

}  // namespace proxima
