// SPDX-License-Identifier: MIT
// tokenizer.json: text to token ids and back, exactly as the reference implementation does it.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/config.h"
#include "model/token_decoder.h"

namespace proxima {

struct EncodeOptions {
  bool add_special = true;    // let the post-processor add BOS and the like
  bool parse_special = true;  // recognise special tokens that stand in the text
};

class TokenizerBackend;

// Immutable and thread-safe once opened.
class Tokenizer {
 public:
  // Opens dir/tokenizer.json. Throws Error(kInput) naming the file and the unsupported or damaged component.
  // A folder without tokenizer.json but with a SentencePiece tokenizer.model is opened through that library.
  static Tokenizer open(const std::filesystem::path& dir);
  // The text of a tokenizer.json.
  static Tokenizer from_json(std::string_view json);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  // text must be valid UTF-8, else Error(kUsage) with the byte offset. Cost is near-linear in the text.
  std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options = {}) const;
  // Ids outside the vocabulary are dropped; ill-formed UTF-8 becomes U+FFFD.
  std::string decode(std::span<const TokenId> ids, bool skip_special = false) const;
  std::optional<TokenId> id_of(std::string_view token) const;
  // The vocabulary's own spelling (byte alphabet, U+2581 for a space), nothing for an id outside.
  std::optional<std::string_view> token(TokenId id) const;
  bool is_special(TokenId id) const;
  size_t n_tokens() const;  // one more than the largest id

 private:
  friend class StreamingDecoder;
  explicit Tokenizer(std::unique_ptr<const TokenizerBackend> backend);
  std::unique_ptr<const TokenizerBackend> backend_;
};

// Turns a stream of ids into text as it comes, holding back bytes until they are whole characters: what push() and
// flush() return, joined, equals decode() of all the ids. A run of byte-fallback tokens is held back until it ends,
// because whether it is text at all depends on the whole run. The tokenizer must outlive it.
class StreamingDecoder {
 public:
  explicit StreamingDecoder(const Tokenizer& tokenizer, bool skip_special = true);
  std::string push(TokenId id);
  std::string flush();  // ready for another text afterwards

 private:
  const TokenizerBackend& backend_;
  bool skip_special_;
  DecodeState state_;
};

}  // namespace proxima
