// SPDX-License-Identifier: MIT
// Every figure below is computed by hand; the comments say how where it is not plain.
#include "apps/eval/answer_metrics.h"

#include <gtest/gtest.h>

#include "apps/eval/words.h"
#include "test/expect_error.h"

namespace proxima {
namespace {

TEST(Words, SplitAsPythonDoes) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(split_words("  a\t b\n\xc2\xa0"
                        "c\xe3\x80\x80"),
            (Words{"a", "b", "c"}));
  EXPECT_EQ(split_words(" \n"), Words{});
  EXPECT_EQ(split_at("a..b.", '.'), (Words{"a", "", "b", ""}));
  EXPECT_EQ(split_at("", '.'), Words{""});
}

TEST(Words, Normalise) {
  EXPECT_EQ(normalise_answer("  The   Cat's, a-b; AN end!\n"), "cats ab end");
  // Articles go after the punctuation: "a.m." becomes am and stays, "a." goes.
  EXPECT_EQ(normalise_answer("a.m. a."), "am");
  EXPECT_EQ(normalise_answer("theatre another banana"), "theatre another banana");
  // A dash that is not ASCII is no punctuation here, but a word border.
  EXPECT_EQ(normalise_answer("x\xe2\x80\x94the\xe2\x80\x94y"), "x\xe2\x80\x94 \xe2\x80\x94y");
  EXPECT_EQ(normalise_answer("th\xc3\xa9 a\xc3\xa9"), "th\xc3\xa9 a\xc3\xa9");
  EXPECT_EQ(normalise_answer("\xc3\x89T\xc3\x89"), "\xc3\xa9t\xc3\xa9");
  EXPECT_EQ(normalise_answer("The Cat", true), "The Cat");  // the article is found in lower case only
  EXPECT_EQ(normalise_answer("the Cat", true), "Cat");
}

TEST(Words, Characters) {
  // 他 说 ： “ A b ” 。
  EXPECT_EQ(character_words("\xe4\xbb\x96\xe8\xaf\xb4\xef\xbc\x9a\xe2\x80\x9c"
                            "A b\xe2\x80\x9d\xe3\x80\x82"),
            (std::vector<std::string>{"\xe4\xbb\x96", "\xe8\xaf\xb4", "a", "b"}));
}

TEST(AnswerMetrics, QaF1) {
  EXPECT_DOUBLE_EQ(qa_f1("The cat sat.", "cat sat"), 1);
  // 2 common of 3 and of 2: P 2/3, R 1, F 4/5
  EXPECT_DOUBLE_EQ(qa_f1("cat sat down", "a cat sat"), 0.8);
  // Counts are clipped: "no" is common once. P 1/3, R 1/1, F 1/2.
  EXPECT_DOUBLE_EQ(qa_f1("no no no", "no"), 0.5);
  EXPECT_EQ(qa_f1("dog", "cat"), 0);
  EXPECT_EQ(qa_f1("", "cat"), 0);
  EXPECT_EQ(qa_f1("the", "a"), 0);  // nothing is left of either
  // Characters: 3 of 4 and of 3.
  EXPECT_DOUBLE_EQ(
      character_f1("\xe4\xbb\x96\xe8\xaf\xb4\xe4\xbb\x96\xe4\xbb\x96", "\xe4\xbb\x96\xe8\xaf\xb4\xe4\xbb\x96"),
      2 * 0.75 / 1.75);
}

TEST(AnswerMetrics, Classification) {
  const std::vector<std::string> classes = {"Food", "Other location", "location", "Other"};
  EXPECT_DOUBLE_EQ(classification_score("It is Food.", "Food", classes), 1);
  EXPECT_DOUBLE_EQ(classification_score("Food or Other", "Food", classes), 0.5);
  EXPECT_EQ(classification_score("food", "Food", classes), 0);
  EXPECT_EQ(classification_score("Other", "Food", classes), 0);
  // Three classes stand in the prediction; two are parts of the expected one and go.
  EXPECT_DOUBLE_EQ(classification_score("Other location", "Other location", classes), 1);
  // The published script skips "Other" after it has deleted "location".
  EXPECT_DOUBLE_EQ(classification_score("Other location", "Other location", classes, true), 0.5);
  EXPECT_EQ(classification_score("anything", "Food", {}), 0);
}

TEST(AnswerMetrics, CountAndRetrieval) {
  EXPECT_DOUBLE_EQ(count_score("There are 7.", "7"), 1);
  EXPECT_DOUBLE_EQ(count_score("7 of 10, so 7", "7"), 2.0 / 3);
  EXPECT_EQ(count_score("07", "7"), 0);  // compared as text
  EXPECT_EQ(count_score("seven", "7"), 0);
  EXPECT_DOUBLE_EQ(retrieval_score("Paragraph 12", "Paragraph 12"), 1);
  EXPECT_DOUBLE_EQ(retrieval_score("12 or 13", "Paragraph 12"), 0.5);
  EXPECT_EQ(retrieval_score("1", "Paragraph 12"), 0);
  EXPECT_DOUBLE_EQ(retrieval_score("3",
                                   "\xe6\xae\xb5\xe8\x90\xbd"
                                   "3",
                                   "\xe6\xae\xb5\xe8\x90\xbd"),
                   1);
  test::expect_error(ErrorKind::kInput, "names no", [] { retrieval_score("1", "somewhere"); });
}

TEST(AnswerMetrics, Ruler) {
  EXPECT_DOUBLE_EQ(match_all("The values are 123 and ABC", {"123", "abc", "456"}), 2.0 / 3);
  EXPECT_DOUBLE_EQ(match_all("1\x01"
                             "23",
                             {"123"}),
                   0);  // a control character is a newline
  EXPECT_EQ(match_part("it is 123", {"9", "123"}), 1);
  EXPECT_EQ(match_part("nothing", {"9", "123"}), 0);
}

TEST(AnswerMetrics, Needle) {
  EXPECT_EQ(needle_phrase("Eat a sandwich, in the park!", "a sandwich in park"), 1);
  EXPECT_EQ(needle_phrase("sandwich", "eat a sandwich"), 0);
  EXPECT_EQ(needle_phrase(" 4821.\n", "4821"), 1);
  // "day." is not "day"
  EXPECT_DOUBLE_EQ(needle_overlap("a sunny day", "sunny day.", false), 0.5);
  EXPECT_DOUBLE_EQ(needle_overlap("a sunny day", "sunny day.", true), 1);
  EXPECT_DOUBLE_EQ(needle_overlap("Sunny SUNNY", "sunny sunny day", false), 0.5);  // sets
  EXPECT_EQ(needle_overlap("", "x", false), 0);
}

}  // namespace
}  // namespace proxima
