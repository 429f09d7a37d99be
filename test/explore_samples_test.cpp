// SPDX-License-Identifier: MIT
#include "apps/explore_samples.h"

#include <gtest/gtest.h>

#include "test/expect_error.h"
#include "test/tiny_model.h"
#include "test/tiny_tokenizer.h"

namespace proxima {
namespace {

using test::expect_error;

class ExploreSamplesTest : public ::testing::Test {
 protected:
  // One token a byte, no BOS; and one that puts BOS (1) first.
  const Tokenizer bytes_ = Tokenizer::from_json(test::byte_level_tokenizer({}).dump());
  const Tokenizer with_bos_ = Tokenizer::from_json(test::sentencepiece_tokenizer({}).dump());
  test::TemporaryFolder folder_;
};

TEST_F(ExploreSamplesTest, WindowsAreConsecutiveAndWithinOneText) {
  const std::vector<Document> texts = {{"a", "abcdefghijk"}, {"b", "ABCDEFGH"}};
  const auto samples = cut_samples(texts, bytes_, {.length = 4, .n_queries = 2});
  ASSERT_EQ(samples.size(), 4U);
  std::string all;
  for (const ExploreSample& sample : samples) {
    all += bytes_.decode(sample.ids) + "|";
    EXPECT_EQ(sample.n_scored, 2U);
    EXPECT_TRUE(sample.targets.empty());
  }
  EXPECT_EQ(all, "abcd|efgh|ABCD|EFGH|");
  EXPECT_EQ(cut_samples(texts, bytes_, {.length = 4, .n_samples = 3, .n_queries = 2}).size(), 3U);
  EXPECT_EQ(cut_samples(texts, bytes_, {.n_queries = 2}).front().ids.size(), 8U) << "the shortest text";
  EXPECT_EQ(cut_samples(texts, bytes_, {.n_queries = 2, .most_length = 5}).front().ids.size(), 5U);
  const std::vector<Document> many = {{"a", std::string(200, 'x')}};
  EXPECT_EQ(cut_samples(many, bytes_, {.length = 4, .n_queries = 2}).size(), 32U);
}

TEST_F(ExploreSamplesTest, EachWindowBeginsWithBos) {
  const std::vector<Document> texts = {{"a", "abcdehlorwabcdehlorw"}};
  const auto plain = with_bos_.encode(texts[0].text, {.add_special = false});
  const auto samples = cut_samples(texts, with_bos_, {.length = 5, .n_queries = 2});
  ASSERT_EQ(samples.size(), plain.size() / 4);
  for (size_t k = 0; k < samples.size(); ++k) {
    ASSERT_EQ(samples[k].ids.size(), 5U);
    EXPECT_EQ(samples[k].ids[0], 1U);
    EXPECT_TRUE(
        std::equal(samples[k].ids.begin() + 1, samples[k].ids.end(), plain.begin() + 4 * static_cast<ptrdiff_t>(k)));
  }
}

TEST_F(ExploreSamplesTest, RefusesShortTexts) {
  const std::vector<Document> texts = {{"long.txt", "abcdefghijk"}, {"short.txt", "abc"}};
  const auto cut = [&](const SampleRequest& request) { return [&, request] { cut_samples(texts, bytes_, request); }; };
  expect_error(ErrorKind::kUsage, "short.txt has only 3 tokens, --length asks for 4",
               cut({.length = 4, .n_queries = 2}));
  expect_error(ErrorKind::kUsage, "the texts hold 4 samples of 3 tokens, --samples asks for 5",
               cut({.length = 3, .n_samples = 5, .n_queries = 2}));
  expect_error(ErrorKind::kUsage, "too short for the last 3 queries", cut({.length = 3, .n_queries = 3}));
  expect_error(ErrorKind::kContext, "does not fit the context of 2",
               cut({.length = 3, .n_queries = 1, .most_length = 2}));
}

TEST_F(ExploreSamplesTest, TasksScoreTheAnswer) {
  const auto path = (folder_.path() / "tasks.jsonl").string();
  test::write_text(
      path, "{\"context\": \"Who? \", \"answer\": \"me\", \"more\": 1}\n\n{\"answer\": \"x\", \"context\": \"ab\"}");
  const auto tasks = read_tasks(path, bytes_, 100);
  ASSERT_EQ(tasks.size(), 2U);
  EXPECT_EQ(bytes_.decode(tasks[0].ids), "Who? m");  // the last token predicts nothing that is asked
  EXPECT_EQ(bytes_.decode(tasks[0].targets), "me");
  EXPECT_EQ(tasks[0].n_scored, 2U);
  EXPECT_EQ(bytes_.decode(tasks[1].ids), "ab");
  expect_error(ErrorKind::kContext, "tasks.jsonl:1", [&] { read_tasks(path, bytes_, 5); });
}

TEST_F(ExploreSamplesTest, RefusesDamagedTasks) {
  const auto path = (folder_.path() / "tasks.jsonl").string();
  const std::string good = "{\"context\": \"a\", \"answer\": \"b\"}\n";
  const auto refuse = [&](const std::string& line, const std::string& part) {
    test::write_text(path, good + line);
    expect_error(ErrorKind::kInput, "tasks.jsonl:2: ", [&] { read_tasks(path, bytes_, 100); });
    expect_error(ErrorKind::kInput, part, [&] { read_tasks(path, bytes_, 100); });
  };
  refuse("{\"context\": \"a\"}", "\"answer\"");
  refuse("{\"answer\": \"a\"}", "\"context\"");
  refuse("{\"context\": \"a\", \"answer\": \"\"}", "\"answer\"");
  refuse("{\"context\": 3, \"answer\": \"b\"}", "\"context\"");
  refuse("[\"a\", \"b\"]", "\"context\"");
  refuse("{\"context\": ", "tasks.jsonl:2");
  test::write_text(path, "\n \n");
  expect_error(ErrorKind::kInput, "no tasks", [&] { read_tasks(path, bytes_, 100); });
}

TEST_F(ExploreSamplesTest, TheDigestNamesWhatIsSeen) {
  const std::vector<ExploreSample> samples = {{{1, 2, 3}, 2}, {{4}, 1, {5}}};
  const std::string digest = samples_digest(samples);
  EXPECT_EQ(digest.size(), 16U);
  EXPECT_EQ(samples_digest(samples), digest);
  auto changed = samples;
  changed[0].n_scored = 1;
  EXPECT_NE(samples_digest(changed), digest);
  changed = samples;
  changed[1].targets[0] = 6;
  EXPECT_NE(samples_digest(changed), digest);
  EXPECT_NE(samples_digest(std::span(samples).first(1)), digest);
}

}  // namespace
}  // namespace proxima
