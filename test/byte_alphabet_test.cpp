// SPDX-License-Identifier: MIT
#include "model/byte_alphabet.h"

#include <gtest/gtest.h>

namespace proxima {
namespace {

TEST(ByteAlphabet, IsGpt2s) {
  const ByteAlphabet alphabet;
  EXPECT_EQ(alphabet.character(' '), U'\u0120');
  EXPECT_EQ(alphabet.character('\n'), U'\u010a');
  EXPECT_EQ(alphabet.character('a'), U'a');
  EXPECT_EQ(alphabet.character(0x7F), U'\u0121');
  EXPECT_EQ(alphabet.character(0xAD), U'\u0143');
  EXPECT_EQ(alphabet.character(0xFF), U'\u00ff');
}

TEST(ByteAlphabet, GoesBothWays) {
  const ByteAlphabet alphabet;
  std::string all;
  for (size_t byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  std::string text;
  std::string back;
  alphabet.append_text(all, text);
  alphabet.append_bytes(text, back);
  EXPECT_EQ(back, all);
  EXPECT_FALSE(alphabet.byte(U' '));
  EXPECT_FALSE(alphabet.byte(U'\u0144'));
  EXPECT_FALSE(alphabet.byte(U'\u00ad'));
}

}  // namespace
}  // namespace proxima
