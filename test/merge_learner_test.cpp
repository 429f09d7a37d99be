// SPDX-License-Identifier: MIT
#include "apps/merge_learner.h"

#include <gtest/gtest.h>

namespace proxima {
namespace {

using Merges = std::vector<std::pair<std::string, std::string>>;

TEST(LearnMerges, JoinsTheMostFrequentPairFirst) {
  EXPECT_EQ(learn_merges("abab abab ab", 1), (Merges{{"a", "b"}}));
  EXPECT_EQ(learn_merges("aab aab", 10), (Merges{{"a", "a"}, {"aa", "b"}}));
}

TEST(LearnMerges, StopsWhereNothingRepeatsAndDoesNotCrossWords) {
  EXPECT_TRUE(learn_merges("abcd", 10).empty());
  EXPECT_TRUE(learn_merges("a.a.a.a", 10).empty());
  EXPECT_TRUE(learn_merges("", 10).empty());
}

}  // namespace
}  // namespace proxima
