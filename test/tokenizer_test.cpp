// SPDX-License-Identifier: MIT
#include "model/tokenizer.h"

#include <gtest/gtest.h>

#include <random>

#include "test/expect_error.h"
#include "test/tiny_tokenizer.h"

namespace proxima {
namespace {

using test::Json;

std::string random_utf8(std::mt19937& random, size_t n_points) {
  static constexpr char32_t kLimits[] = {0x80, 0x80, 0x250, 0x3100, 0x10000, 0x110000};
  std::string text;
  while (n_points > 0) {
    const auto value = static_cast<char32_t>(random() % kLimits[random() % 6]);
    if (value >= 0xD800 && value < 0xE000) continue;
    append_utf8(value, text);
    --n_points;
  }
  return text;
}

Tokenizer byte_level() {
  return Tokenizer::from_json(
      test::byte_level_tokenizer({{"t", "h"}, {"th", "e"}, {" ", "the"}, {" ", " "}, {"\xE2", "\x82"}, {"e", "r"}})
          .dump());
}

Tokenizer llama() {
  return Tokenizer::from_json(
      test::sentencepiece_tokenizer({{"l", "l"}, {"h", "e"}, {"he", "ll"}, {"hell", "o"}, {"\u2581", "hello"}}).dump());
}

TEST(Tokenizer, ByteLevelGivesBackAnyText) {
  std::mt19937 random(3);
  const Tokenizer tokenizer = byte_level();
  for (size_t round = 0; round < 500; ++round) {
    const std::string text = random_utf8(random, random() % 80);
    ASSERT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  }
}

TEST(Tokenizer, StreamsTheTextOfDecode) {
  std::mt19937 random(4);
  const Tokenizer tokenizers[] = {byte_level(), llama()};
  for (const Tokenizer& tokenizer : tokenizers) {
    for (size_t round = 0; round < 400; ++round) {
      std::vector<TokenId> ids;
      for (size_t count = random() % 12; count > 0; --count)
        ids.push_back(static_cast<TokenId>(random() % (tokenizer.n_tokens() + 3)));
      const std::vector<TokenId> valid = tokenizer.encode(random_utf8(random, random() % 6));
      ids.insert(ids.begin() + static_cast<std::ptrdiff_t>(ids.empty() ? 0 : random() % ids.size()), valid.begin(),
                 valid.end());
      for (const bool skip_special : {false, true}) {
        StreamingDecoder decoder(tokenizer, skip_special);
        std::string text;
        for (const TokenId id : ids) {
          const std::string part = decoder.push(id);
          ASSERT_FALSE(find_invalid_utf8(part));
          text += part;
        }
        ASSERT_EQ(text + decoder.flush(), tokenizer.decode(ids, skip_special));
      }
    }
  }
}

TEST(Tokenizer, HoldsBytesBackUntilTheyAreACharacter) {
  const Tokenizer tokenizer = byte_level();
  StreamingDecoder decoder(tokenizer);
  EXPECT_EQ(decoder.push(0xE2), "");
  EXPECT_EQ(decoder.push(0x82), "");
  EXPECT_EQ(decoder.push(0xAC), "\u20ac");
  EXPECT_EQ(decoder.push(0xE2), "");
  EXPECT_EQ(decoder.push('a'), "\uFFFDa");
  EXPECT_EQ(decoder.push(0xC3), "");
  EXPECT_EQ(decoder.flush(), "\uFFFD");
}

TEST(Tokenizer, MergesWithinThePiecesOfThePreTokenizer) {
  const Tokenizer tokenizer = byte_level();
  const auto spellings = [&](std::string_view text) {
    std::string out;
    for (const TokenId id : tokenizer.encode(text)) out += std::string(*tokenizer.token(id)) + "|";
    return out;
  };
  EXPECT_EQ(spellings("the  other"), "the|\u0120|\u0120|o|the|r|");
  EXPECT_EQ(spellings("a the"), "a|\u0120the|");
}

TEST(Tokenizer, KnowsSpecialTokens) {
  const Tokenizer tokenizer = byte_level();
  const TokenId end = *tokenizer.id_of("<|end|>");
  EXPECT_EQ(tokenizer.n_tokens(), size_t{end} + 1);
  EXPECT_TRUE(tokenizer.is_special(end));
  EXPECT_FALSE(tokenizer.is_special('a'));
  EXPECT_EQ(tokenizer.encode("a<|end|>"), (std::vector<TokenId>{'a', end}));
  EXPECT_EQ(tokenizer.encode("<|end|>", {true, false}).size(), 7U);
  EXPECT_EQ(tokenizer.decode(std::vector<TokenId>{'a', end, 'b'}), "a<|end|>b");
  EXPECT_EQ(tokenizer.decode(std::vector<TokenId>{'a', end, 'b'}, true), "ab");
  EXPECT_EQ(tokenizer.decode(std::vector<TokenId>{'a', end + 1, 4000000000U}), "a");
  EXPECT_FALSE(tokenizer.id_of("<|nothing|>"));
  EXPECT_FALSE(tokenizer.token(end + 1));
}

TEST(Tokenizer, AddsBosAndAPrefixToEveryStretch) {
  const Tokenizer tokenizer = llama();
  const TokenId hello = *tokenizer.id_of("\u2581hello");
  EXPECT_EQ(tokenizer.encode("hello"), (std::vector<TokenId>{1, hello}));
  EXPECT_EQ(tokenizer.encode("hello</s>hello", {false, true}), (std::vector<TokenId>{hello, 2, hello}));
  EXPECT_EQ(tokenizer.encode(""), (std::vector<TokenId>{1}));
  EXPECT_EQ(tokenizer.decode(std::vector<TokenId>{hello, hello}), "hello hello");
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("\u20ac", {false, true})), "\u20ac");
}

TEST(Tokenizer, MetaspacePrependsOnlyAtTheStartOfTheText) {
  Json json = test::sentencepiece_tokenizer({{"h", "e"}});
  json["normalizer"] = nullptr;
  json["pre_tokenizer"] = {
      {"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "first"}, {"split", false}};
  const Tokenizer tokenizer = Tokenizer::from_json(json.dump());
  const TokenId space = *tokenizer.id_of("\u2581");
  const TokenId he = *tokenizer.id_of("he");
  EXPECT_EQ(tokenizer.encode("he", {false, true}), (std::vector<TokenId>{space, he}));
  EXPECT_EQ(tokenizer.encode(" he", {false, true}), (std::vector<TokenId>{space, he}));
  EXPECT_EQ(tokenizer.encode("</s>he he", {false, true}), (std::vector<TokenId>{2, he, space, he}));
}

TEST(Tokenizer, NormalisesBetweenAddedTokensOnly) {
  Json json = test::byte_level_tokenizer({});
  json["normalizer"] = {{"type", "NFC"}};
  const Tokenizer tokenizer = Tokenizer::from_json(json.dump());
  EXPECT_EQ(tokenizer.encode("e\u0301"), (std::vector<TokenId>{0xC3, 0xA9}));
  EXPECT_EQ(tokenizer.encode("e<|end|>\u0301").size(), 4U);
}

TEST(Tokenizer, RefusesTextThatIsNotUtf8) {
  const Tokenizer tokenizer = byte_level();
  for (const char* text : {"\xFF", "a\xC3", "\xED\xA0\x80", "\xC0\x80", "\xF4\x90\x80\x80", "\x80"}) {
    test::expect_error(ErrorKind::kUsage, "UTF-8", [&] { tokenizer.encode(text); });
  }
  test::expect_error(ErrorKind::kUsage, "byte 2", [&] { tokenizer.encode("ab\xC3"); });
}

TEST(Tokenizer, NamesTheMissingFile) {
  test::expect_error(ErrorKind::kInput, "tokenizer.json", [] { Tokenizer::open("/nowhere/at/all"); });
}

}  // namespace
}  // namespace proxima
