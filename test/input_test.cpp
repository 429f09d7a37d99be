// SPDX-License-Identifier: MIT
#include "apps/input.h"

#include <gtest/gtest.h>

#include "test/expect_error.h"

namespace proxima {
namespace {

TEST(JoinTexts, PutsOneNewlineBetweenWhereThereIsNone) {
  EXPECT_EQ(join_texts("a", "b"), "a\nb");
  EXPECT_EQ(join_texts("a\n", "b"), "a\nb");
  EXPECT_EQ(join_texts("a\n\n", "\nb"), "a\n\n\nb");
  EXPECT_EQ(join_texts("", "b"), "b");
  EXPECT_EQ(join_texts("a", ""), "a");
}

TEST(Unescape, KnowsFourEscapes) {
  EXPECT_EQ(unescape(R"(a\nb\tc\rd\\ne)"), "a\nb\tc\rd\\ne");
  EXPECT_EQ(unescape("plain"), "plain");
  test::expect_error(ErrorKind::kUsage, "byte 1", [] { unescape(R"(a\x41)"); });
  test::expect_error(ErrorKind::kUsage, "byte 1", [] { unescape("a\\"); });
}

}  // namespace
}  // namespace proxima
