// SPDX-License-Identifier: MIT
// Each figure by hand, with the traps that the scripts of LEval and InfiniteBench lay.
#include "apps/eval/exam_metrics.h"

#include <gtest/gtest.h>

namespace proxima {
namespace {

TEST(ExamMetrics, LevalChoices) {
  EXPECT_EQ(choice_score("B", "B", false), 1);
  EXPECT_EQ(choice_score("(B) because A is wrong", "B", false), 1);
  EXPECT_EQ(choice_score("Answer: B", "B", false), 0);  // the A of "Answer"
  EXPECT_EQ(choice_score("Answer: B", "A", false), 1);
  EXPECT_EQ(choice_score("none", "A", false), 0);
  EXPECT_EQ(choice_score("CA", "AC", true), 1);
  EXPECT_EQ(choice_score("C", "AC", true), 0.25);
  EXPECT_EQ(choice_score("CB", "AC", true), 0);
  EXPECT_EQ(choice_score("", "AC", true), 0);
  EXPECT_EQ(choice_score("B and C", "B", true), 0);
}

TEST(ExamMetrics, LevalNumbersAndCode) {
  EXPECT_EQ(final_number_score("3 + 4 is 7. The answer is 7.", "7"), 1);
  EXPECT_EQ(final_number_score("The answer is $1,234.50 in all", "1234.5"), 1);
  EXPECT_EQ(final_number_score("so it costs 18 dollars", "#### 18"), 1);
  EXPECT_EQ(final_number_score("18 then 19", "18"), 0);
  EXPECT_EQ(final_number_score("The answer is -3", "3"), 0);
  EXPECT_EQ(final_number_score("no number", "3"), 0);
  EXPECT_EQ(code_output_score("The output is \"a\", 'b'", "a b"), 1);
  EXPECT_EQ(code_output_score("a b and then four more words", "a b"), 0);  // beyond the last n + 3
  EXPECT_EQ(code_output_score("a b and then three", "a b"), 1);
  EXPECT_EQ(contained_score("It is  the First\nTopic.", "the first topic"), 1);
  EXPECT_EQ(contained_score("first", "second"), 0);
  EXPECT_EQ(contained_score("anything", " "), 0);
}

TEST(ExamMetrics, InfiniteBenchNumbers) {
  EXPECT_EQ(first_digits_score(" 12345.", "12345"), 1);
  EXPECT_EQ(first_digits_score("1 12345", "12345"), 0);
  EXPECT_EQ(first_digits_score("none", "12345"), 0);
  EXPECT_EQ(value_among_words("{\"key\": \"ab-cd\"}", "ab-cd"), 1);
  EXPECT_EQ(value_among_words("ab-cde", "ab-cd"), 0);
  EXPECT_EQ(last_integer_score("the result is -12", "-12"), 1);
  EXPECT_EQ(last_integer_score("the result is 12.", "12"), 0);  // a full stop makes it no integer
  EXPECT_EQ(first_number_score("It is 97, not 98", "97"), 1);
  EXPECT_EQ(first_number_score("98", "97"), 0);
  EXPECT_DOUBLE_EQ(correct_prefix_score("[1, 2, 4, 4]", {"1", "2", "3", "4"}), 0.5);
  EXPECT_EQ(correct_prefix_score("", {"1"}), 0);
}

TEST(ExamMetrics, InfiniteBenchOptions) {
  EXPECT_EQ(option_score("B. the mill", "B", "the mill"), 1);
  EXPECT_EQ(option_score("A or rather C\nB", "C", "x"), 1);  // the last one of the first line that has any
  EXPECT_EQ(option_score("A or rather C\nB", "B", "x"), 0);
  EXPECT_EQ(option_score("the mill", "B", "the mill"), 1);
  EXPECT_EQ(option_score("the answer is: the mill", "B", "the mill"), 1);
  EXPECT_EQ(option_score("the answer is: the barn", "B", "the mill"), 0);
  EXPECT_EQ(option_score("Before noon", "B", "x"), 1);  // its first letter
  EXPECT_EQ(option_score("", "B", "x"), 0);
  EXPECT_EQ(function_score("B", "B", "run"), 1);
  EXPECT_EQ(function_score("run_all", "B", "run"), 1);
  EXPECT_EQ(function_score("the deliberate error is: run", "B", "run"), 1);
  EXPECT_EQ(function_score("walk", "B", "run"), 0);
  EXPECT_EQ(any_name_score("it was ANN who", {"Bob", "Ann"}), 1);
  EXPECT_EQ(any_name_score("nobody", {"Bob", "Ann"}), 0);
}

}  // namespace
}  // namespace proxima
