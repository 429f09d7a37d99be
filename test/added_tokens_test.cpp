// SPDX-License-Identifier: MIT
#include "model/added_tokens.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <random>

namespace proxima {
namespace {

std::string cut(const AddedTokens& tokens, std::string_view text, bool normalized = false, bool parse_special = true) {
  std::string out;
  for (const TextSegment& segment : tokens.cut(text, normalized, parse_special)) {
    out += segment.id ? fmt::format("<{}>", *segment.id) : std::string(segment.text) + "|";
  }
  return out;
}

TEST(AddedTokens, TakesTheLeftmostThenTheLongest) {
  const AddedTokens tokens({{1, "ab"}, {2, "abcd"}, {3, "bc"}, {4, "cde"}}, Normalizer());
  EXPECT_EQ(cut(tokens, "xabcdexbcx"), "x|<2>ex|<3>x|");
  EXPECT_EQ(cut(tokens, "abce"), "<1>ce|");
  EXPECT_EQ(cut(tokens, "abcd"), "<2>");
  EXPECT_EQ(cut(tokens, ""), "");
}

TEST(AddedTokens, SwallowsWhiteSpaceBehindRstrip) {
  const AddedTokens tokens({{1, "<e>", true}, {2, "<f>"}}, Normalizer());
  EXPECT_EQ(cut(tokens, "<e> \n\u00a0\u3000\u0085x<f> y"), "<1>x|<2> y|");
  EXPECT_EQ(cut(tokens, "<e>  <f>  <e>  "), "<1><2>  |<1>");
}

TEST(AddedTokens, SeparatesRawNormalisedAndSpecial) {
  const Normalizer upper = Normalizer::parse(R"({"type":"Replace","pattern":{"String":"a"},"content":"A"})");
  const AddedTokens tokens(
      {{1, "<a>", false, true, true}, {2, "<b>", false, false, true}, {3, "<c>", false, false, false}}, upper);
  EXPECT_EQ(cut(tokens, "<a><b><c>"), "<a>|<2><3>");
  EXPECT_EQ(cut(tokens, "<A><b>", true), "<1><b>|");
  EXPECT_EQ(cut(tokens, "<b><c>", false, false), "<b>|<3>");
}

// Against the definition, on a two-letter alphabet full of overlaps.
TEST(AddedTokens, AgreesWithANaiveSearch) {
  std::mt19937 random(6);
  const auto word = [&](size_t most) {
    std::string text;
    for (size_t count = random() % most; count > 0; --count) text += random() % 2 == 0 ? 'a' : 'b';
    return text;
  };
  for (size_t round = 0; round < 500; ++round) {
    std::vector<AddedToken> list;
    for (TokenId id = 0; id < 6; ++id) {
      std::string content = word(5);
      content.insert(content.begin(), 'a');
      const bool there =
          std::any_of(list.begin(), list.end(), [&](const AddedToken& token) { return token.content == content; });
      if (!there) list.push_back({id, content});
    }
    const std::string text = word(30);
    std::string expected;
    size_t begin = 0;
    for (size_t pos = 0; pos < text.size();) {
      const AddedToken* best = nullptr;
      for (const AddedToken& token : list) {
        if (text.compare(pos, token.content.size(), token.content) != 0) continue;
        if (best == nullptr || token.content.size() > best->content.size()) best = &token;
      }
      if (best == nullptr) {
        ++pos;
        continue;
      }
      if (begin < pos) expected += text.substr(begin, pos - begin) + "|";
      expected += fmt::format("<{}>", best->id);
      begin = pos += best->content.size();
    }
    if (begin < text.size()) expected += text.substr(begin) + "|";
    ASSERT_EQ(cut(AddedTokens(list, Normalizer()), text), expected) << text;
  }
}

}  // namespace
}  // namespace proxima
