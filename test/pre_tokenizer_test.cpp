// SPDX-License-Identifier: MIT
#include "model/pre_tokenizer.h"

#include <gtest/gtest.h>

#include "test/expect_error.h"

namespace proxima {
namespace {

std::string pieces(const char* json, std::string_view text) {
  RegexScratch scratch;
  std::string out;
  for (const std::string_view piece : PreTokenizer::parse(json).split(text, scratch)) out += std::string(piece) + "|";
  return out;
}

TEST(PreTokenizer, SplitsAsGpt2Does) {
  const char* json = R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true})";
  EXPECT_EQ(pieces(json, "I'll say  it's 42nd!?  \n x"), "I|'ll| say| | it|'s| 42|nd|!?|  \n| x|");
  EXPECT_EQ(pieces(json, "a!\u180eb"), "a|!\u180e|b|");  // U+180E is no white space
  EXPECT_EQ(pieces(json, "a\u0085\u3000b"), "a|\u0085|\u3000|b|");
  EXPECT_EQ(pieces(json, ""), "");
  EXPECT_TRUE(PreTokenizer::parse(json).byte_level());
}

TEST(PreTokenizer, IsolatesEveryNumericCharacter) {
  const char* json = R"({"type":"Digits","individual_digits":true})";
  EXPECT_EQ(pieces(json, "a12\u00bdb\u2163"), "a|1|2|\u00bd|b|\u2163|");
  const char* sequence = R"({"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},
      {"type":"ByteLevel","add_prefix_space":false,"use_regex":true}]})";
  EXPECT_EQ(pieces(sequence, "it is 10 am"), "it| is| |1|0| am|");
}

TEST(PreTokenizer, SplitsAtLiterals) {
  const char* merged = R"({"type":"Split","pattern":{"String":" "},"behavior":"MergedWithPrevious","invert":false})";
  EXPECT_EQ(pieces(merged, " a b  c "), " |a |b | |c |");
  const char* isolated = R"({"type":"Split","pattern":{"String":"--"},"behavior":"Isolated","invert":false})";
  EXPECT_EQ(pieces(isolated, "a---b--"), "a|--|-b|--|");
}

TEST(PreTokenizer, SplitsWithRegexes) {
  const char* json =
      R"({"type":"Split","pattern":{"Regex":"(?i:'s|'t)|\\p{N}{1,3}|\\s+(?!\\S)|x*"},"behavior":"Isolated"})";
  EXPECT_EQ(pieces(json, "It'S12345xx  y"), "I|t|'S|123|45|xx| | |y|");
}

TEST(PreTokenizer, GivesUpOnHostilePatterns) {
  const char* json = R"({"type":"Split","pattern":{"Regex":"(a+)+b"},"behavior":"Isolated"})";
  test::expect_error(ErrorKind::kInput, "gives up", [&] { pieces(json, std::string(200, 'a') + "cb"); });
}

TEST(Regex, RefusesWhatMeansSomethingElseHere) {
  for (const char* pattern :
       {"\\w",   "\\d",   "\\h",   "\\b",   "a.b",     "^a",       "a$",      "(?<n>a)", "(?<=a)b",
        "(?>a)", "a{,3}", "a{2}+", "[[a]]", "[a&&b]",  "\\p{Han}", "\\p{^L}", "\\pL",    "\\Q",
        "\\1",   "[]a]",  "[a",    "a\\",   "(*FAIL)", "a{99999}", "\\x41",   "\\R",     "\\X"}) {
    test::expect_error(ErrorKind::kInput, "", [&] { Regex{pattern}; });
  }
}

}  // namespace
}  // namespace proxima
