// SPDX-License-Identifier: MIT
#include "model/unicode.h"

#include <gtest/gtest.h>
#include <utf8proc.h>

#include <cstdlib>
#include <random>

#include "model/utf8.h"

namespace proxima {
namespace {

TEST(Unicode, ComposesKnownCases) {
  EXPECT_EQ(to_nfc("plain"), "plain");
  EXPECT_EQ(to_nfc("e\u0301"), "\u00e9");
  EXPECT_EQ(to_nfc("\u00e9\u0323"), "\u1eb9\u0301");
  EXPECT_EQ(to_nfc("\u1100\u1161\u11a8"), "\uac01");  // Hangul
  EXPECT_EQ(to_nfc("\u212b\u2126"), "\u00c5\u03a9");  // singletons
  EXPECT_EQ(to_nfc("\u0958"), "\u0915\u093c");        // excluded from composition
}

TEST(Unicode, AgreesWithTheLibrarysOwnNfc) {
  std::mt19937 random(5);
  static constexpr char32_t kPool[] = {'a',    'e',    0x301,   0x323, 0x316,  0x300,  0x345, 0xE9,   0x1100, 0x1161,
                                       0x11A8, 0xAC00, 0x1D15E, 0x958, 0x3099, 0x304B, 0x20,  0x212B, 0x1E9B, 0x344};
  for (size_t round = 0; round < 2000; ++round) {
    std::string text;
    for (size_t count = random() % 12; count > 0; --count) append_utf8(kPool[random() % std::size(kPool)], text);
    // Long runs of marks too: their order within a class must stay.
    for (size_t count = round % 10 == 0 ? 50 : 0; count > 0; --count) append_utf8(kPool[2 + random() % 5], text);
    utf8proc_uint8_t* expected = utf8proc_NFC(reinterpret_cast<const utf8proc_uint8_t*>(text.c_str()));
    ASSERT_EQ(to_nfc(text), reinterpret_cast<const char*>(expected));
    std::free(expected);
  }
}

// Sorting marks by exchanging neighbours would take minutes for this.
TEST(Unicode, SortsALongRunOfMarksInTime) {
  std::string text = "a";
  for (size_t count = 0; count < 200000; ++count) text += count % 2 == 0 ? "\u0301" : "\u0323";
  EXPECT_EQ(to_nfc(text).substr(0, 5), "\u1ea1\u0323");
}

TEST(Unicode, KnowsNumericAndPrintable) {
  for (const char32_t value : {U'0', U'9', U'\u00bd', U'\u2163', U'\u2460', U'\u0663'}) EXPECT_TRUE(is_numeric(value));
  for (const char32_t value : {U'a', U' ', U'\u4e00'}) EXPECT_FALSE(is_numeric(value));
  for (const char32_t value : {U'a', U' ', U'\u00e9', U'\u65e5'}) EXPECT_TRUE(is_printable(value));
  for (const char32_t value : {U'\n', U'\u007f', U'\u00a0', U'\u00ad', U'\u200b', U'\u2028', U'\ue000'}) {
    EXPECT_FALSE(is_printable(value));
  }
}

}  // namespace
}  // namespace proxima
