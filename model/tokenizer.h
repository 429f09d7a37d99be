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

namespace proxima {

struct EncodeOptions {
  bool add_special = true;    // let the post-processor add BOS and the like
  bool parse_special = true;  // recognise special tokens that stand in the text
};

// Immutable and thread-safe once opened.
class Tokenizer {
 public:
  // Opens dir/tokenizer.json. Throws Error(kInput) naming the file and the unsupported or damaged component.
  static Tokenizer open(const std::filesystem::path& dir);
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

  // text must be valid UTF-8, else Error(kUsage) with the byte offset. Cost is near-linear in the text.
  std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options = {}) const;
  // Ids outside the vocabulary are dropped; ill-formed UTF-8 becomes U+FFFD.
  std::string decode(std::span<const TokenId> ids, bool skip_special = false) const;
  std::optional<TokenId> id_of(std::string_view token) const;
  size_t n_tokens() const;  // one more than the largest id

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

// Turns a stream of ids into text as it comes, holding back bytes until they are whole characters: what push() and
// flush() return, joined, equals decode() of all the ids.
class StreamingDecoder {
 public:
  explicit StreamingDecoder(const Tokenizer& tokenizer, bool skip_special = true);
  std::string push(TokenId id);
  std::string flush();

 private:
  const Tokenizer& tokenizer_;
  bool skip_special_;
  std::vector<TokenId> pending_;
  std::string emitted_;
};

}  // namespace proxima
