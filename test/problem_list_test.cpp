// SPDX-License-Identifier: MIT
#include "model/problem_list.h"

#include <gtest/gtest.h>

namespace proxima {
namespace {

TEST(ProblemList, CountsAndShortens) {
  ProblemList problems;
  EXPECT_TRUE(problems.empty());
  problems.add("missing", "a");
  for (char name = 'b'; name <= 'h'; ++name) problems.add("unexpected", std::string(1, name));
  problems.add("missing", "z");
  EXPECT_FALSE(problems.empty());
  EXPECT_EQ(problems.summary(), "2 missing: a, z; 7 unexpected: b, c, d, e, f and 2 more");
}

}  // namespace
}  // namespace proxima
