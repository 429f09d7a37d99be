// SPDX-License-Identifier: MIT
#include "model/tokenizer_json.h"

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "core/error.h"
#include "core/quote.h"
#include "model/bpe_json.h"
#include "model/json_cursor.h"

namespace proxima {
namespace {

AddedToken read_added_token(JsonCursor& cursor) {
  AddedToken token;
  bool has_id = false;
  cursor.enter_object();
  std::string key;
  for (std::string_view next; cursor.next_key(next);) {
    key = next;
    if (key == "id") {
      token.id = cursor.read_uint32();
      has_id = true;
    } else if (key == "content") {
      token.content = cursor.read_string();
    } else if (key == "special") {
      token.special = cursor.read_bool();
    } else if (key == "normalized") {
      token.normalized = cursor.read_bool();
    } else if (key == "rstrip") {
      token.rstrip = cursor.read_bool();
    } else if (key == "lstrip" || key == "single_word") {
      if (cursor.read_bool()) cursor.fail_here(fmt::format("an added token with {} is not supported", key));
    } else {
      cursor.fail_here(fmt::format("an added token has the unsupported key {}", quote(key)));
    }
  }
  if (!has_id || token.content.empty()) cursor.fail_here("an added token has no id or no content");
  return token;
}

std::vector<AddedToken> read_added_tokens(JsonCursor& cursor) {
  std::vector<AddedToken> tokens;
  if (cursor.read_null()) return tokens;
  cursor.enter_array();
  while (cursor.next_element()) tokens.push_back(read_added_token(cursor));
  return tokens;
}

// Added tokens of the model's vocabulary keep its id; the others follow it without holes.
size_t check_added_ids(const std::vector<AddedToken>& tokens, const Vocabulary& vocabulary) {
  std::map<std::string_view, TokenId> by_content;
  std::map<TokenId, std::string_view> above;
  for (const AddedToken& token : tokens) {
    if (!by_content.emplace(token.content, token.id).second) {
      fail(ErrorKind::kInput, "added token {} stands twice", quote(token.content));
    }
    const auto id = vocabulary.find(token.content);
    const bool in_model = token.id < vocabulary.size();
    if (id ? *id != token.id : in_model) {
      fail(ErrorKind::kInput, "added token {} has id {}, but the vocabulary says {}", quote(token.content), token.id,
           id ? fmt::format("{}", *id) : fmt::format("that is {}", quote(vocabulary.text(token.id))));
    }
    if (!in_model && !above.emplace(token.id, token.content).second) {
      fail(ErrorKind::kInput, "id {} stands twice in added_tokens ({})", token.id, quote(token.content));
    }
  }
  size_t next = vocabulary.size();
  for (const auto& [id, content] : above) {
    if (id != next) fail(ErrorKind::kInput, "a hole before added token {}: no token has id {}", quote(content), next);
    ++next;
  }
  return next;
}

void require_null(JsonCursor& cursor, std::string_view key) {
  if (!cursor.read_null()) fail(ErrorKind::kInput, "{} is not supported: it must be null", key);
}

// The values by key; those that are read later are kept as text.
struct TopLevel {
  std::optional<BpeModel> model;
  std::vector<AddedToken> added;
  std::map<std::string, std::string_view, std::less<>> components;

  std::string_view component(std::string_view key) const {
    const auto found = components.find(key);
    return found == components.end() ? "null" : found->second;
  }
};

TopLevel read_top_level(std::string_view json) {
  JsonCursor cursor(json);
  TopLevel top;
  std::map<std::string, bool, std::less<>> seen;
  cursor.enter_object();
  std::string key;
  for (std::string_view next; cursor.next_key(next);) {
    key = next;
    if (!seen.emplace(key, true).second) fail(ErrorKind::kInput, "the key {} stands twice", quote(key));
    if (key == "model") {
      top.model = read_bpe_model(cursor);
    } else if (key == "added_tokens") {
      top.added = read_added_tokens(cursor);
    } else if (key == "normalizer" || key == "pre_tokenizer" || key == "post_processor" || key == "decoder") {
      top.components.emplace(key, cursor.read_raw());
    } else if (key == "version") {
      if (cursor.read_string() != "1.0") fail(ErrorKind::kInput, "the version is not 1.0");
    } else if (key == "truncation" || key == "padding") {
      require_null(cursor, key);
    } else {
      fail(ErrorKind::kInput, "the unsupported key {}", quote(key));
    }
  }
  cursor.expect_end();
  if (!top.model) fail(ErrorKind::kInput, "there is no 'model'");
  return top;
}

}  // namespace

TokenizerParts read_tokenizer_json(std::string_view json) {
  TopLevel top = read_top_level(json);
  const size_t n_tokens = check_added_ids(top.added, top.model->vocabulary);
  Normalizer normalizer = Normalizer::parse(top.component("normalizer"));
  PreTokenizer pre_tokenizer = PreTokenizer::parse(top.component("pre_tokenizer"));
  PostProcessor post_processor = PostProcessor::parse(top.component("post_processor"));
  for (const auto* ids : {&post_processor.before, &post_processor.after}) {
    for (const TokenId id : *ids) {
      if (id >= n_tokens) fail(ErrorKind::kInput, "post_processor adds id {}, which no token has", id);
    }
  }
  const bool byte_level = pre_tokenizer.byte_level();
  if (byte_level && top.model->options.byte_fallback) {
    fail(ErrorKind::kInput, "byte_fallback behind the pre_tokenizer ByteLevel is not supported");
  }
  TokenDecoder decoder = TokenDecoder::parse(top.component("decoder"));
  AddedTokens added(std::move(top.added), normalizer);
  BpeModel& model = *top.model;
  return {std::move(normalizer),
          std::move(added),
          std::move(pre_tokenizer),
          Bpe(std::move(model.vocabulary), std::move(model.merges), model.options, byte_level),
          std::move(post_processor),
          std::move(decoder),
          n_tokens};
}

}  // namespace proxima
