// SPDX-License-Identifier: MIT
// A folder with a SentencePiece tokenizer.model and no tokenizer.json, as the Llama and Gemma classes of transformers
// read it: pieces by the library, special tokens cut out before, BOS and EOS as tokenizer_config.json says.
#pragma once

#include <filesystem>
#include <memory>

#include "model/tokenizer_backend.h"

namespace proxima {

// Throws Error(kInput) naming the file and the setting; also where this build has no libsentencepiece.
std::unique_ptr<const TokenizerBackend> open_sentencepiece(const std::filesystem::path& dir);

}  // namespace proxima
