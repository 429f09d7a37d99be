// SPDX-License-Identifier: MIT
// ROUGE in its two dialects and the edit similarity, by hand.
#include <gtest/gtest.h>

#include "apps/eval/edit_similarity.h"
#include "apps/eval/google_rouge.h"
#include "apps/eval/rouge_sets.h"

namespace proxima {
namespace {

double f(double precision, double recall) {
  return 2 * precision * recall / (precision + recall);
}

double longbench_f(double precision, double recall) {
  return 2 * precision * recall / (precision + recall + 1e-8);
}

TEST(LongbenchRougeL, CountsDistinctWords) {
  EXPECT_DOUBLE_EQ(longbench_rouge_l("the cat sat", "the cat sat"), longbench_f(1, 1));
  // Repeated words count once: {the, cat} common; 2 distinct predicted, 3 distinct expected.
  EXPECT_DOUBLE_EQ(longbench_rouge_l("the cat the cat", "the cat sat"), longbench_f(1, 2.0 / 3));
  // Case-sensitive; a comma sticks to its word.
  EXPECT_EQ(longbench_rouge_l("The Cat,", "the cat"), 0);
}

TEST(LongbenchRougeL, UnionOverSentencePairs) {
  // Order is broken across sentences, but each sentence finds its own: all 4 words are common.
  EXPECT_DOUBLE_EQ(longbench_rouge_l("c d.a b", "a b.c d"), longbench_f(1, 1));
  // Without sentences only one of the two pairs fits.
  EXPECT_DOUBLE_EQ(longbench_rouge_l("c d a b", "a b c d"), longbench_f(0.5, 0.5));
  // 3.5 is cut at its point: predicted {3, 5 m}, expected {3, 5 m}.
  EXPECT_DOUBLE_EQ(longbench_rouge_l("3.5 m", "3.5 m"), longbench_f(1, 1));
  // A blank sentence is one empty word: distinct predicted {a, ""}.
  EXPECT_DOUBLE_EQ(longbench_rouge_l("a. ", "a"), longbench_f(0.5, 1));
}

TEST(LongbenchRougeL, TraceGoesUpOnlyIfStrictlyBetter) {
  // Reference x y, prediction y x: both subsequences have length 1. At the end words differ, neither is better, so the
  // trace steps back in the prediction and finds y. Against z y also y: the union is {y}, not {x, y}.
  EXPECT_DOUBLE_EQ(longbench_rouge_l("y x", "x y"), longbench_f(0.5, 0.5));
  EXPECT_DOUBLE_EQ(longbench_rouge_l("y x", "x y.z y"), longbench_f(0.5, 1.0 / 3));
}

TEST(LongbenchRougeL, NothingIsZero) {
  EXPECT_EQ(longbench_rouge_l("", "a"), 0);
  EXPECT_EQ(longbench_rouge_l("...", "a"), 0);
  EXPECT_EQ(longbench_rouge_l("a", ""), 0);
}

TEST(GoogleRouge, NGrams) {
  // "the cat sat on the mat" / "the the the cat": the clipped to 2, cat 1; P 3/4, R 3/6.
  EXPECT_DOUBLE_EQ(google_rouge_n("The the THE cat!", "the cat sat on the mat", 1, false), f(0.75, 0.5));
  // Bigrams: predicted the-the 2, the-cat 1; expected 5 with the-cat: 1 common.
  EXPECT_DOUBLE_EQ(google_rouge_n("the the the cat", "the cat sat on the mat", 2, false), f(1.0 / 3, 0.2));
  EXPECT_EQ(google_rouge_n("one", "one", 2, false), 0);
  EXPECT_EQ(google_rouge_n("", "one", 1, false), 0);
  // An accent is no letter: two tokens, caf and s.
  EXPECT_DOUBLE_EQ(google_rouge_n("caf\xc3\xa9s", "caf", 1, false), f(0.5, 1));
}

TEST(GoogleRouge, StemsLongWordsOnly) {
  EXPECT_EQ(google_rouge_n("running", "runs", 1, false), 0);
  EXPECT_DOUBLE_EQ(google_rouge_n("running", "runs", 1, true), 1);
  // "ties" has 4 letters and is stemmed to tie; "tie" has 3 and stays.
  EXPECT_DOUBLE_EQ(google_rouge_n("ties", "tie", 1, true), 1);
  EXPECT_EQ(google_rouge_n("was", "wa", 1, true), 0);
}

TEST(GoogleRouge, LongestCommonSubsequence) {
  // police killed the gunman / police the gunman shot: police the gunman
  EXPECT_DOUBLE_EQ(google_rouge_l("police the gunman shot", "police killed the gunman", false), 0.75);
  // Sentences do not matter to L: c d or a b, 2 of 4.
  EXPECT_DOUBLE_EQ(google_rouge_l("c d\na b", "a b\nc d", false), 0.5);
  EXPECT_DOUBLE_EQ(google_rouge_l_sum("c d\na b", "a b\nc d", false), 1);
  // Lin's example: reference w1..w5; w1 w2 w6 w7 w8 and w1 w3 w8 w9 w5 give the union w1 w2 w3 w5: R 4/5, P 4/10.
  EXPECT_DOUBLE_EQ(google_rouge_l_sum("w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5", "w1 w2 w3 w4 w5", false), f(0.4, 0.8));
  // A word of the prediction is used up: the second reference line finds no further a.
  EXPECT_DOUBLE_EQ(google_rouge_l_sum("a", "a\na", false), f(1, 0.5));
  EXPECT_EQ(google_rouge_l("", "a", false), 0);
  EXPECT_EQ(google_rouge_l_sum("\n", "a", false), 0);
}

TEST(GoogleRouge, APerfectShortAnswerToTheClassicNeedleIsFarFromOne) {
  // The trap of methods 4.1: 12 words of a needle of 21. P 1, R 12/21, F 0.727.
  const char* whole = "a b c d e f g h i j k l m n o p q r s t u";
  EXPECT_NEAR(google_rouge_n("j k l m n o p q r s t u", whole, 1, true), 0.727, 5e-4);
}

TEST(EditSimilarity, FirstLineOfCode) {
  EXPECT_EQ(edit_similarity("return x", "return x"), 1);
  EXPECT_EQ(edit_similarity("\n\n```python\n# a comment\nx = 1 // 2\nreturn x\nrest", "return x"), 1);
  EXPECT_EQ(edit_similarity("# only a comment", "return x"), 0);
  EXPECT_EQ(edit_similarity("", "return x"), 0);
  EXPECT_EQ(edit_similarity("", ""), 1);
  EXPECT_EQ(edit_similarity("x", ""), 0);
}

TEST(EditSimilarity, IndelRatioRounded) {
  // abcd / abed: LCS abd, 6/8
  EXPECT_DOUBLE_EQ(edit_similarity("abcd", "abed"), 0.75);
  // LCS 1 of 1 + 2: 2/3 rounds to 0.67
  EXPECT_DOUBLE_EQ(edit_similarity("a", "ab"), 0.67);
  // 2 * 1 / 16 = 12.5 % rounds to even
  EXPECT_DOUBLE_EQ(edit_similarity("axxxxxxx", "ayyyyyyy"), 0.12);
  // Characters, not bytes.
  EXPECT_DOUBLE_EQ(edit_similarity("\xc3\xa9", "\xc3\xa9x"), 0.67);
}

}  // namespace
}  // namespace proxima
