// SPDX-License-Identifier: MIT
#include "model/tokenizer.h"

#include "core/error.h"
#include "core/mapped_file.h"
#include "model/json_tokenizer.h"
#include "model/sentencepiece_tokenizer.h"
#include "model/tokenizer_backend.h"

namespace proxima {
namespace {

void push_id(const TokenizerBackend& backend, TokenId id, bool skip_special, DecodeState& state, std::string& out) {
  const auto token = backend.token(id);
  if (!token) return;
  if (skip_special) {
    const AddedToken* added = backend.added().find(id);
    if (added != nullptr && added->special) return;
  }
  backend.decoder().push(*token, state, out);
}

}  // namespace

Tokenizer::Tokenizer(std::unique_ptr<const TokenizerBackend> backend) : backend_(std::move(backend)) {}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

Tokenizer Tokenizer::open(const std::filesystem::path& dir) {
  const std::filesystem::path path = dir / "tokenizer.json";
  if (!std::filesystem::exists(path) && std::filesystem::exists(dir / "tokenizer.model")) {
    return Tokenizer(open_sentencepiece(dir));
  }
  const MappedFile file(path);
  try {
    return from_json({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()});
  } catch (const Error& error) {
    fail(error.kind(), "{}: {}", path.string(), error.what());
  }
}

Tokenizer Tokenizer::from_json(std::string_view json) {
  return Tokenizer(std::make_unique<JsonTokenizer>(read_tokenizer_json(json)));
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, const EncodeOptions& options) const {
  if (const auto offset = find_invalid_utf8(text)) {
    fail(ErrorKind::kUsage, "the text is not UTF-8: byte {} (0x{:02X}) is ill-formed", *offset,
         static_cast<unsigned char>(text[*offset]));
  }
  return backend_->encode(text, options);
}

std::string Tokenizer::decode(std::span<const TokenId> ids, bool skip_special) const {
  std::string text;
  DecodeState state;
  for (const TokenId id : ids) push_id(*backend_, id, skip_special, state, text);
  backend_->decoder().finish(state, text);
  return text;
}

std::optional<TokenId> Tokenizer::id_of(std::string_view token) const {
  return backend_->id_of(token);
}

std::optional<std::string_view> Tokenizer::token(TokenId id) const {
  return backend_->token(id);
}

bool Tokenizer::is_special(TokenId id) const {
  const AddedToken* added = backend_->added().find(id);
  return added != nullptr && added->special;
}

size_t Tokenizer::n_tokens() const {
  return backend_->n_tokens();
}

StreamingDecoder::StreamingDecoder(const Tokenizer& tokenizer, bool skip_special)
    : backend_(*tokenizer.backend_), skip_special_(skip_special) {}

std::string StreamingDecoder::push(TokenId id) {
  std::string text;
  push_id(backend_, id, skip_special_, state_, text);
  return text;
}

std::string StreamingDecoder::flush() {
  std::string text;
  backend_.decoder().finish(state_, text);
  state_ = {};
  return text;
}

}  // namespace proxima
