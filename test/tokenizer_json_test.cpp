// SPDX-License-Identifier: MIT
// Damaged and unsupported tokenizer.json texts: each is refused, and the message names what is wrong.
#include "model/tokenizer_json.h"

#include <gtest/gtest.h>

#include "test/expect_error.h"
#include "test/tiny_tokenizer.h"

namespace proxima {
namespace {

using test::Json;

Json good() {
  return test::byte_level_tokenizer({{"t", "h"}, {"th", "e"}});
}

void expect_refused(std::string_view part, const std::string& json) {
  test::expect_error(ErrorKind::kInput, part, [&] { read_tokenizer_json(json); });
}

struct Damage {
  const char* path;  // JSON pointer
  Json value;
  const char* message;
};

TEST(TokenizerJson, ReadsTheUndamaged) {
  EXPECT_EQ(read_tokenizer_json(good().dump()).n_tokens, 259U);
  EXPECT_EQ(read_tokenizer_json(good().dump(1)).n_tokens, 259U);
  Json merges_first = good();
  Json model = {{"merges", merges_first["model"]["merges"]}};
  for (const auto& item : merges_first["model"].items()) model[item.key()] = item.value();
  merges_first["model"] = model;
  EXPECT_EQ(read_tokenizer_json(merges_first.dump()).n_tokens, 259U);
}

TEST(TokenizerJson, RefusesUnsupportedValues) {
  const Json digits = {{"type", "Digits"}, {"individual_digits", false}};
  const std::vector<Damage> cases = {
      {"/version", "2.0", "version"},
      {"/truncation", {{"max_length", 5}}, "truncation"},
      {"/padding", Json::object(), "padding"},
      {"/extra", 1, "extra"},
      {"/normalizer", {{"type", "Lowercase"}}, "Lowercase"},
      {"/normalizer", {{"type", "NFKC"}}, "NFKC"},
      {"/normalizer", {{"type", "Bad\ntype"}}, "type"},
      {"/normalizer", {{"type", "Replace"}, {"pattern", {{"Regex", "a"}}}, {"content", ""}}, "Regex"},
      {"/normalizer", {{"type", "Replace"}, {"pattern", {{"String", ""}}}, {"content", ""}}, "empty pattern"},
      {"/normalizer", {{"type", "Prepend"}, {"prepend", std::string(2000, 'x')}}, "Prepend"},
      {"/normalizer", 5, "normalizer"},
      {"/pre_tokenizer", {{"type", "Whitespace"}}, "Whitespace"},
      {"/pre_tokenizer", digits, "individual_digits"},
      {"/pre_tokenizer/add_prefix_space", true, "add_prefix_space"},
      {"/pre_tokenizer",
       {{"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", "always"}, {"split", false}},
       "always"},
      {"/pre_tokenizer",
       {{"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", "first"}, {"split", true}},
       "split"},
      {"/pre_tokenizer",
       {{"type", "Split"}, {"pattern", {{"Regex", "\\w+"}}}, {"behavior", "Isolated"}, {"invert", false}},
       "\\w"},
      {"/pre_tokenizer",
       {{"type", "Split"}, {"pattern", {{"Regex", "a"}}}, {"behavior", "Removed"}, {"invert", false}},
       "Removed"},
      {"/pre_tokenizer",
       {{"type", "Split"}, {"pattern", {{"Regex", "a"}}}, {"behavior", "Isolated"}, {"invert", true}},
       "invert"},
      {"/pre_tokenizer",
       {{"type", "Split"}, {"pattern", {{"Regex", "(a"}}}, {"behavior", "Isolated"}},
       "does not compile"},
      {"/post_processor", {{"type", "BertProcessing"}}, "BertProcessing"},
      {"/post_processor", {{"type", "TemplateProcessing"}, {"single", Json::array()}}, "sequence A"},
      {"/decoder", nullptr, "decoder"},
      {"/decoder", {{"type", "WordPiece"}}, "WordPiece"},
      {"/decoder", {{"type", "Sequence"}, {"decoders", {{{"type", "Fuse"}}}}}, "Fuse"},
      {"/model/type", "Unigram", "Unigram"},
      {"/model/dropout", 0.5, "dropout"},
      {"/model/continuing_subword_prefix", "##", "continuing_subword_prefix"},
      {"/model/unk_token", "<none>", "unk_token"},
      {"/model/byte_fallback", true, "byte_fallback"},
      {"/model/extra", 1, "extra"},
      {"/added_tokens/0/lstrip", true, "lstrip"},
      {"/added_tokens/0/single_word", true, "single_word"},
      {"/added_tokens/0/content", "", "no content"},
      {"/added_tokens/0/content", std::string(2000, 'x'), "1024"},
      {"/added_tokens/0/extra", 1, "extra"},
  };
  for (const Damage& damage : cases) {
    Json json = good();
    json[Json::json_pointer(damage.path)] = damage.value;
    SCOPED_TRACE(damage.path);
    expect_refused(damage.message, json.dump());
  }
}

TEST(TokenizerJson, RefusesDamagedVocabularies) {
  const auto with = [](const char* key, const Json& value) {
    Json json = good();
    json["model"]["vocab"][key] = value;
    return json.dump();
  };
  expect_refused("id 7 stands twice", with("new", 7));
  expect_refused("hole", with("new", 1000));
  expect_refused("hole", with("new", 4000000000U));
  expect_refused("integer", with("new", -1));
  expect_refused("integer", with("new", 3.5));
  Json json = good();
  json["model"]["vocab"].erase("a");
  expect_refused("hole", json.dump());
  std::string twice = good().dump();
  twice.insert(twice.find("\"a\":"), "\"a\":5,");
  expect_refused("twice", twice);
}

TEST(TokenizerJson, RefusesDamagedMerges) {
  for (const auto& [merge, message] : std::vector<std::pair<Json, const char*>>{{"t x", "tx"},
                                                                                {"zz t", "zz"},
                                                                                {"th", "one space"},
                                                                                {"t h e", "one space"},
                                                                                {{"t"}, "two parts"},
                                                                                {{"t", "h", "e"}, "two parts"},
                                                                                {5, "string"}}) {
    Json json = good();
    json["model"]["merges"].push_back(merge);
    expect_refused(message, json.dump());
  }
  Json json = good();
  json["model"].erase("merges");
  expect_refused("merges", json.dump());
  json = good();
  json["model"].erase("vocab");
  expect_refused("vocab", json.dump());
  json = good();
  json.erase("model");
  expect_refused("model", json.dump());
}

TEST(TokenizerJson, RefusesContradictingAddedTokens) {
  for (const auto& [id, content, message] :
       std::vector<std::tuple<size_t, std::string, const char*>>{{258, "<two>", "id 258 stands twice"},
                                                                 {260, "<far>", "hole"},
                                                                 {259, "<|end|>", "stands twice"},
                                                                 {5, "<other>", "id 5"},
                                                                 {259, "a", "vocabulary says 97"}}) {
    Json json = good();
    json["added_tokens"].push_back(test::added_token(id, content));
    expect_refused(message, json.dump());
  }
  Json json = good();
  json["added_tokens"].push_back(test::added_token('a', "a"));
  EXPECT_EQ(read_tokenizer_json(json.dump()).n_tokens, 259U);
}

TEST(TokenizerJson, RefusesWhatIsNotJson) {
  const std::string text = good().dump();
  for (const size_t length : {size_t{0}, size_t{1}, text.size() / 3, text.size() / 2, text.size() - 1}) {
    test::expect_error(ErrorKind::kInput, "", [&] { read_tokenizer_json(text.substr(0, length)); });
  }
  expect_refused("follows the end", text + "x");
  expect_refused("twice", text.substr(0, text.size() - 1) + ",\"decoder\":null}");
  std::string ill_formed = text;
  ill_formed[ill_formed.find("BPE")] = '\xFF';
  expect_refused("UTF-8", ill_formed);
  expect_refused("", std::string(100000, '['));
}

}  // namespace
}  // namespace proxima
