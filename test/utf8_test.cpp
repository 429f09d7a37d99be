// SPDX-License-Identifier: MIT
#include "model/utf8.h"

#include <gtest/gtest.h>

#include <fmt/format.h>

namespace proxima {
namespace {

TEST(Utf8, WritesAndReadsEveryCodePoint) {
  for (char32_t value = 0; value < 0x110000; ++value) {
    if (value >= 0xD800 && value < 0xE000) continue;
    std::string text = "a";
    append_utf8(value, text);
    ASSERT_FALSE(find_invalid_utf8(text)) << static_cast<uint32_t>(value);
    ASSERT_EQ(code_point_at(text, 1).value, value);
    ASSERT_EQ(code_point_at(text, 1).n_bytes, text.size() - 1);
    ASSERT_EQ(code_point_before(text, text.size()).value, value);
  }
}

TEST(Utf8, FindsTheFirstIllFormedByte) {
  EXPECT_FALSE(find_invalid_utf8(""));
  EXPECT_FALSE(find_invalid_utf8("plain text of more than eight bytes \u20ac"));
  EXPECT_EQ(find_invalid_utf8("more than eight bytes \xE2\x82"), 22U);
  EXPECT_EQ(find_invalid_utf8("\xED\xA0\x80"), 0U);
  EXPECT_EQ(find_invalid_utf8("a\xE0\x80\x80"), 1U);
  EXPECT_EQ(find_invalid_utf8("\xF4\x90\x80\x80"), 0U);
}

TEST(Utf8, CountsCodePoints) {
  EXPECT_EQ(count_code_points("a\u00e9\u20ac\U0001F600"), 4U);
  EXPECT_EQ(offset_of_code_point("a\u00e9\u20ac", 2), 3U);
  EXPECT_EQ(offset_of_code_point("a\u00e9\u20ac", 9), 6U);
}

std::string repair(std::string_view bytes, size_t cut) {
  Utf8Repairer repairer;
  std::string out;
  repairer.append(bytes.substr(0, cut), out);
  repairer.append(bytes.substr(cut), out);
  repairer.finish(out);
  return out;
}

// The examples of the Unicode standard (table 3-8 and its neighbours): one U+FFFD per maximal subpart.
TEST(Utf8, RepairsByMaximalSubparts) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64", "a\uFFFD\uFFFD\uFFFDb\uFFFDc\uFFFD\uFFFDd"},
      {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA"},
      {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA"},
      {"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFDA\uFFFD\uFFFDB"},
      {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", "\uFFFD\uFFFD\uFFFD\uFFFDA"},
      {"\xE2\x82\xAC\xE2\x82", "\u20ac\uFFFD"},
  };
  for (const auto& [bytes, expected] : cases) {
    for (size_t cut = 0; cut <= bytes.size(); ++cut) EXPECT_EQ(repair(bytes, cut), expected);
  }
}

TEST(Utf8, KnowsWhiteSpace) {
  std::string unicode;
  std::string python;
  for (char32_t value = 0; value < 0x10000; ++value) {
    if (is_white_space(value)) unicode += fmt::format("{:X} ", static_cast<uint32_t>(value));
    if (is_python_space(value) && !is_white_space(value)) python += fmt::format("{:X} ", static_cast<uint32_t>(value));
  }
  EXPECT_EQ(unicode,
            "9 A B C D 20 85 A0 1680 2000 2001 2002 2003 2004 2005 2006 2007 2008 2009 200A 2028 2029 202F 205F 3000 ");
  EXPECT_EQ(python, "1C 1D 1E 1F ");
}

}  // namespace
}  // namespace proxima
