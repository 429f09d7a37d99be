// SPDX-License-Identifier: MIT
#include "apps/tokenize.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <ostream>
#include <vector>

#include "apps/json_lines.h"
#include "core/error.h"
#include "core/json_file.h"
#include "core/json_object.h"
#include "core/quote.h"
#include "model/tokenizer.h"

namespace proxima {
namespace {

using Json = nlohmann::json;

void refuse_unread(const JsonObject& object) {
  for (const std::string& key : object.unread()) {
    fail(ErrorKind::kInput, "{}: the unknown key {}", object.where(), quote(key));
  }
}

std::vector<TokenId> ids_of(JsonObject& object) {
  const Json* list = object.find("ids");
  if (list == nullptr || !list->is_array()) object.fail_at("ids", "is not a list");
  std::vector<TokenId> ids;
  for (const Json& id : *list) {
    if (!id.is_number_unsigned() || id.get<uint64_t>() > UINT32_MAX) object.fail_at("ids", "holds what is no token id");
    ids.push_back(id.get<TokenId>());
  }
  return ids;
}

std::string encode_line(const Tokenizer& tokenizer, std::string_view line, size_t number) {
  const std::string where = fmt::format("line {}", number);
  const Json json = parse_json(line, where);
  JsonObject object(json, where);
  EncodeOptions options;
  options.add_special = object.find_bool("add_special").value_or(true);
  options.parse_special = object.find_bool("parse_special").value_or(true);
  const std::string text = object.text("text");
  refuse_unread(object);
  return Json{{"ids", tokenizer.encode(text, options)}}.dump();
}

std::string decode_line(const Tokenizer& tokenizer, std::string_view line, size_t number) {
  const std::string where = fmt::format("line {}", number);
  const Json json = parse_json(line, where);
  JsonObject object(json, where);
  const std::vector<TokenId> ids = ids_of(object);
  const bool skip_special = object.find_bool("skip_special").value_or(false);
  refuse_unread(object);
  return json_line("text", tokenizer.decode(ids, skip_special));
}

// Ids in decimal, separated by white space or commas; a list in brackets is read too.
std::vector<TokenId> parse_ids(std::string_view text, size_t n_tokens) {
  static constexpr std::string_view kSeparators = " \t\r\n,[]";
  std::vector<TokenId> ids;
  for (size_t pos = text.find_first_not_of(kSeparators); pos != text.npos;
       pos = text.find_first_not_of(kSeparators, pos)) {
    const size_t end = std::min(text.find_first_of(kSeparators, pos), text.size());
    const std::string_view word = text.substr(pos, end - pos);
    TokenId id = 0;
    const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (error != std::errc() || rest != word.data() + word.size() || id >= n_tokens) {
      fail(ErrorKind::kUsage, "{} is not a token id: they go from 0 to {}", quote(word), n_tokens - 1);
    }
    ids.push_back(id);
    pos = end;
  }
  return ids;
}

void write_tokens(const Tokenizer& tokenizer, const std::vector<TokenId>& ids, TokenizeOptions::Form form,
                  std::ostream& out) {
  const auto spelling = [&](TokenId id) { return Json(tokenizer.token(id).value_or("")); };
  switch (form) {
    case TokenizeOptions::Form::kCount:
      out << ids.size() << '\n';
      break;
    case TokenizeOptions::Form::kIds:
      for (size_t index = 0; index < ids.size(); ++index) out << (index == 0 ? "" : " ") << ids[index];
      out << '\n';
      break;
    case TokenizeOptions::Form::kJson: {
      Json tokens = Json::array();
      for (const TokenId id : ids) tokens.push_back(spelling(id));
      out << Json{{"n_tokens", ids.size()}, {"ids", ids}, {"tokens", tokens}}.dump() << '\n';
      break;
    }
    default:
      for (const TokenId id : ids) out << id << '\t' << spelling(id).dump() << '\n';
  }
}

}  // namespace

void run_tokenize(const TokenizeOptions& options, std::istream& in, std::ostream& out) {
  const bool lines = options.form == TokenizeOptions::Form::kJsonLines;
  if (lines && options.text) fail(ErrorKind::kUsage, "--jsonl reads its texts from the input, not from -p");
  if (options.decode && !lines && options.form != TokenizeOptions::Form::kTokens) {
    fail(ErrorKind::kUsage, "--decode gives text: --count, --ids and --json have no meaning with it");
  }
  const Tokenizer tokenizer = Tokenizer::open(options.model);
  if (lines) {
    return answer_lines(in, out, [&](std::string_view line, size_t number) {
      return options.decode ? decode_line(tokenizer, line, number) : encode_line(tokenizer, line, number);
    });
  }
  const std::string text = options.text ? *options.text : read_all(in);
  if (options.decode) {
    out << tokenizer.decode(parse_ids(text, tokenizer.n_tokens()), options.skip_special);
  } else {
    write_tokens(tokenizer, tokenizer.encode(text, {options.add_special, options.parse_special}), options.form, out);
  }
  require_written(out);
}

}  // namespace proxima
