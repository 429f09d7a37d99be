// SPDX-License-Identifier: MIT
#include "core/quote.h"

#include <gtest/gtest.h>

namespace proxima {
namespace {

TEST(Quote, KeepsMessagesOnOneShortLine) {
  EXPECT_EQ(quote("model.norm.weight"), "\"model.norm.weight\"");
  EXPECT_EQ(quote("ä"), "\"ä\"");
  EXPECT_EQ(quote("a\nb\x1b\x7f"), "\"a\\x0ab\\x1b\\x7f\"");
  EXPECT_EQ(quote(std::string(1000, 'x')), "\"" + std::string(120, 'x') + "...\"");
  EXPECT_EQ(quote(std::string(119, 'x') + "ää"), "\"" + std::string(119, 'x') + "...\"");
}

}  // namespace
}  // namespace proxima
