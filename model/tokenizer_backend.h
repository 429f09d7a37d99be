// SPDX-License-Identifier: MIT
// What stands behind a Tokenizer: a tokenizer.json, or a SentencePiece model.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "model/added_tokens.h"
#include "model/config.h"
#include "model/token_decoder.h"
#include "model/tokenizer.h"

namespace proxima {

// Immutable.
class TokenizerBackend {
 public:
  virtual ~TokenizerBackend() = default;
  // text is well-formed UTF-8.
  virtual std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options) const = 0;
  virtual std::optional<TokenId> id_of(std::string_view token) const = 0;
  virtual std::optional<std::string_view> token(TokenId id) const = 0;
  virtual size_t n_tokens() const = 0;
  virtual const AddedTokens& added() const = 0;
  virtual const TokenDecoder& decoder() const = 0;
};

}  // namespace proxima
