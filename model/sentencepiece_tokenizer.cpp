// SPDX-License-Identifier: MIT
#include "model/sentencepiece_tokenizer.h"

#include "core/error.h"

#ifndef PROXIMA_HAS_SENTENCEPIECE

namespace proxima {

std::unique_ptr<const TokenizerBackend> open_sentencepiece(const std::filesystem::path& dir) {
  fail(ErrorKind::kInput,
       "{}: there is no tokenizer.json, and this build cannot read tokenizer.model (libsentencepiece)", dir.string());
}

}  // namespace proxima

#else

#include <sentencepiece_processor.h>

#include <charconv>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/json_file.h"
#include "core/json_object.h"
#include "core/quote.h"

namespace proxima {
namespace {

constexpr std::string_view kSpace = "\u2581";

// The settings of tokenizer_config.json that change ids.
struct Settings {
  bool add_bos = true;
  bool add_eos = false;
  bool legacy = true;  // a space is put before every stretch between special tokens, otherwise before the first only
  std::vector<AddedToken> added;
};

AddedToken read_added_token(const std::string& id, const nlohmann::json& value, const std::string& where) {
  AddedToken token;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), token.id);
  if (error != std::errc() || end != id.data() + id.size())
    fail(ErrorKind::kInput, "{}: {} is no id", where, quote(id));
  JsonObject entry(value, where + ": added token " + id);
  token.content = entry.text("content");
  token.rstrip = entry.find_bool("rstrip").value_or(false);
  token.special = entry.find_bool("special").value_or(false);
  for (const char* key : {"lstrip", "single_word"}) {
    if (entry.find_bool(key).value_or(false)) entry.fail_at(key, "is not supported");
  }
  return token;
}

Settings read_settings(const std::filesystem::path& dir) {
  Settings settings;
  const auto path = dir / "tokenizer_config.json";
  const bool has_config = std::filesystem::exists(path);
  const nlohmann::json json = has_config ? read_json_file(path) : nlohmann::json::object();
  JsonObject config(json, path.string());
  const std::string type = config.find_text("tokenizer_class").value_or("LlamaTokenizer");
  if (!type.starts_with("LlamaTokenizer") && !type.starts_with("GemmaTokenizer")) {
    fail(ErrorKind::kInput, "{}: the class {} is not supported without a tokenizer.json", path.string(), quote(type));
  }
  settings.add_bos = config.find_bool("add_bos_token").value_or(true);
  settings.add_eos = config.find_bool("add_eos_token").value_or(false);
  settings.legacy = config.find_bool("legacy").value_or(true);
  if (const auto* added = config.find("added_tokens_decoder")) {
    if (!added->is_object()) config.fail_at("added_tokens_decoder", "is not an object");
    for (const auto& item : added->items()) {
      settings.added.push_back(read_added_token(item.key(), item.value(), path.string()));
    }
  } else if (std::filesystem::exists(dir / "added_tokens.json")) {
    fail(ErrorKind::kInput, "{}: added_tokens.json without 'added_tokens_decoder' is not supported", dir.string());
  }
  return settings;
}

class SentencePieceTokenizer final : public TokenizerBackend {
 public:
  explicit SentencePieceTokenizer(const std::filesystem::path& dir) {
    const auto path = dir / "tokenizer.model";
    const auto status = processor_.Load(path.string());
    if (!status.ok()) fail(ErrorKind::kInput, "{}: {}", path.string(), quote(status.ToString()));
    settings_ = read_settings(dir);
    n_pieces_ = static_cast<size_t>(processor_.GetPieceSize());
    add_tokens();
    const auto probe = processor_.EncodeAsPieces("a");
    decoder_ = TokenDecoder::sentencepiece(!probe.empty() && probe[0].starts_with(kSpace));
    n_unknown_ = processor_.EncodeAsIds(unknown()).size();
  }

  std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options) const override {
    std::vector<TokenId> ids;
    if (options.add_special && settings_.add_bos && processor_.bos_id() >= 0) push(processor_.bos_id(), ids);
    bool at_start = true;
    for (const TextSegment& segment : added_.cut(text, false, options.parse_special)) {
      if (segment.id) {
        ids.push_back(*segment.id);
      } else {
        encode_stretch(segment.text, at_start, ids);
      }
      at_start = false;
    }
    if (options.add_special && settings_.add_eos && processor_.eos_id() >= 0) push(processor_.eos_id(), ids);
    return ids;
  }

  std::optional<TokenId> id_of(std::string_view token) const override {
    if (const AddedToken* added = added_.find(token)) return added->id;
    const int id = processor_.PieceToId(std::string(token));
    if (id < 0 || processor_.IdToPiece(id) != token) return std::nullopt;
    return static_cast<TokenId>(id);
  }

  std::optional<std::string_view> token(TokenId id) const override {
    if (id < n_pieces_) return processor_.IdToPiece(static_cast<int>(id));
    const AddedToken* added = added_.find(id);
    return added != nullptr ? std::optional<std::string_view>(added->content) : std::nullopt;
  }

  size_t n_tokens() const override { return n_tokens_; }
  const AddedTokens& added() const override { return added_; }
  const TokenDecoder& decoder() const override { return decoder_; }

 private:
  static void push(int id, std::vector<TokenId>& ids) { ids.push_back(static_cast<TokenId>(id)); }

  std::string unknown() const { return processor_.IdToPiece(processor_.unk_id()); }

  // Control pieces and the unknown piece are special; tokenizer_config.json may add to them or say more about them.
  void add_tokens() {
    std::vector<AddedToken> tokens = settings_.added;
    const auto is_listed = [&](TokenId id) {
      return std::any_of(tokens.begin(), tokens.end(), [id](const AddedToken& token) { return token.id == id; });
    };
    n_tokens_ = n_pieces_;
    for (const AddedToken& token : settings_.added) {
      if (token.id >= n_pieces_) n_tokens_ = std::max(n_tokens_, size_t{token.id} + 1);
      if (token.id < n_pieces_ && processor_.IdToPiece(static_cast<int>(token.id)) != token.content) {
        fail(ErrorKind::kInput, "tokenizer_config.json: added token {} has id {}, which is another piece's",
             quote(token.content), token.id);
      }
    }
    for (size_t id = 0; id < n_pieces_; ++id) {
      const int piece = static_cast<int>(id);
      if (!processor_.IsControl(piece) && !processor_.IsUnknown(piece)) continue;
      AddedToken token;
      token.id = static_cast<TokenId>(id);
      token.content = processor_.IdToPiece(piece);
      token.special = true;
      if (!is_listed(token.id)) tokens.push_back(token);
    }
    added_ = AddedTokens(std::move(tokens), Normalizer());
  }

  // Without the legacy behaviour only the first stretch gets a space. The library always puts one before its text, so
  // it gets the unknown piece first, whose ids are then cut off: the reference implementation's own way.
  void encode_stretch(std::string_view text, bool at_start, std::vector<TokenId>& ids) const {
    std::string whole(text);
    if (!settings_.legacy) whole = unknown() + (at_start ? std::string(kSpace) : "") + whole;
    const std::vector<int> pieces = processor_.EncodeAsIds(whole);
    const size_t n_cut = settings_.legacy ? 0 : std::min(n_unknown_, pieces.size());
    for (size_t index = n_cut; index < pieces.size(); ++index) push(pieces[index], ids);
  }

  sentencepiece::SentencePieceProcessor processor_;
  Settings settings_;
  size_t n_pieces_ = 0;
  size_t n_tokens_ = 0;
  size_t n_unknown_ = 0;
  AddedTokens added_;
  TokenDecoder decoder_;
};

}  // namespace

std::unique_ptr<const TokenizerBackend> open_sentencepiece(const std::filesystem::path& dir) {
  return std::make_unique<SentencePieceTokenizer>(dir);
}

}  // namespace proxima

#endif
