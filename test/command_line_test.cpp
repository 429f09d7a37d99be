// SPDX-License-Identifier: MIT
#include "apps/command_line.h"

#include <gtest/gtest.h>

#include "apps/option_values.h"
#include "test/expect_error.h"

namespace proxima {
namespace {

using Arguments = std::vector<std::string>;

TEST(RewriteArguments, TurnsFlagsOfSeveralLettersIntoLongOnes) {
  EXPECT_EQ(
      rewrite_arguments({"run", "-ctk", "f16", "-ctv=f32", "-sys", "be brief", "-sysf=a.txt"}),
      (Arguments{"run", "--cache-type-k", "f16", "--cache-type-v=f32", "--system", "be brief", "--system-file=a.txt"}));
}

TEST(RewriteArguments, LeavesEverythingElseAlone) {
  const Arguments same = {"run", "-c", "100", "-t", "2", "-s", "1", "-ctkx", "--ctk", "-p", "-sys", "--", "-ctk"};
  EXPECT_EQ(rewrite_arguments(same), same);
  EXPECT_EQ(rewrite_arguments({"run", "-sys", "-ctk"}), (Arguments{"run", "--system", "-ctk"}));
  EXPECT_EQ(rewrite_arguments({}), Arguments{});
}

TEST(ParseCount, TakesDecimalDigitsOnly) {
  EXPECT_EQ(parse_count("-n", "010", 0, 100), 10U);
  EXPECT_EQ(parse_count("-n", "100", 0, 100), 100U);
  for (const char* bad : {"", "-1", "+1", " 1", "1 ", "0x10", "1e3", "1.0"}) {
    test::expect_error(ErrorKind::kUsage, "whole number", [&] { parse_count("-n", bad, 0, 100); });
  }
  for (const char* bad : {"101", "0", "99999999999999999999999"}) {
    test::expect_error(ErrorKind::kUsage, "out of range", [&] { parse_count("-n", bad, 1, 100); });
  }
}

}  // namespace
}  // namespace proxima
