// SPDX-License-Identifier: MIT
#include "model/token_decoder.h"

#include <gtest/gtest.h>

namespace proxima {
namespace {

std::string decode(const TokenDecoder& decoder, const std::vector<std::string>& tokens) {
  DecodeState state;
  std::string out;
  for (const std::string& token : tokens) decoder.push(token, state, out);
  decoder.finish(state, out);
  return out;
}

TEST(TokenDecoder, ReadsTheByteAlphabet) {
  const TokenDecoder decoder = TokenDecoder::parse(R"({"type":"ByteLevel","add_prefix_space":true})");
  EXPECT_EQ(decode(decoder, {"\u0120the", "\u00e2\u0124", "\u00ac"}), " the\u20ac");
  EXPECT_EQ(decode(decoder, {"\u00e2", "a"}), "\uFFFDa");
  EXPECT_EQ(decode(decoder, {"a b", "\u65e5"}), "a b\u65e5");  // not of the alphabet: the token's own bytes
}

TEST(TokenDecoder, JoinsByteTokensOnlyIfTheWholeRunIsText) {
  const TokenDecoder decoder = TokenDecoder::sentencepiece(true);
  EXPECT_EQ(decode(decoder, {"\u2581a", "<0xE2>", "<0x82>", "<0xAC>", "b"}), "a\u20acb");
  EXPECT_EQ(decode(decoder, {"<0x41>", "<0xE2>", "<0x82>", "b"}), "\uFFFD\uFFFD\uFFFDb");
  EXPECT_EQ(decode(decoder, {"<0xc3>", "<0xa9>", "<0xZZ>", "<0x041>"}), "\u00e9<0xZZ><0x041>");
  EXPECT_EQ(decode(decoder, {"<0x20>", "\u2581a"}), " a");
}

TEST(TokenDecoder, StripsOneSpaceAtTheStartOnly) {
  EXPECT_EQ(decode(TokenDecoder::sentencepiece(true), {"\u2581\u2581a", "\u2581b"}), " a b");
  EXPECT_EQ(decode(TokenDecoder::sentencepiece(true), {"", "\u2581a"}), "a");
  EXPECT_EQ(decode(TokenDecoder::sentencepiece(false), {"\u2581a"}), " a");
}

}  // namespace
}  // namespace proxima
