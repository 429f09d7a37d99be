// SPDX-License-Identifier: MIT
// A tokenizer.json at work: added tokens, normalizer, pre-tokenizer, BPE, post-processor, in the reference's order.
#pragma once

#include "model/tokenizer_backend.h"
#include "model/tokenizer_json.h"

namespace proxima {

class JsonTokenizer final : public TokenizerBackend {
 public:
  explicit JsonTokenizer(TokenizerParts parts) : parts_(std::move(parts)) {}

  std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options) const override;
  std::optional<TokenId> id_of(std::string_view token) const override;
  std::optional<std::string_view> token(TokenId id) const override;
  size_t n_tokens() const override { return parts_.n_tokens; }
  const AddedTokens& added() const override { return parts_.added; }
  const TokenDecoder& decoder() const override { return parts_.decoder; }

 private:
  struct Scratch;
  void encode_stretch(std::string_view text, bool at_start, Scratch& scratch, std::vector<TokenId>& ids) const;

  TokenizerParts parts_;
};

}  // namespace proxima
