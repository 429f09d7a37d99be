// SPDX-License-Identifier: MIT
// The trainer's sources of samples: texts, tasks, mixtures.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "apps/train/mixture_source.h"
#include "apps/train/task_source.h"
#include "apps/train/text_source.h"
#include "test/expect_error.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

std::shared_ptr<const TokenizedTexts> counting_texts() {
  TokenizedTexts texts{{9000}, {}};
  for (const TokenId length : {30U, 4U, 60U}) {
    auto& text = texts.texts.emplace_back();
    for (TokenId i = 0; i < length; ++i) text.push_back(static_cast<TokenId>(texts.texts.size()) * 100 + i);
  }
  return std::make_shared<TokenizedTexts>(texts);
}

TEST(TextSource, EveryWindowOfOneTextIsAsLikelyAsAnyOther) {
  const TextSource source(counting_texts(), 11, 5, "texts");
  std::map<TokenId, size_t> begins;
  constexpr uint64_t kSamples = 20000;
  for (uint64_t index = 0; index < kSamples; ++index) {
    const Sample sample = source.sample(index, 11);
    ASSERT_EQ(sample.ids.size(), 11U);
    ASSERT_EQ(sample.roles.size(), 11U);
    EXPECT_EQ(sample.ids[0], 9000U);
    EXPECT_EQ(sample.roles[0], TokenRole::kContext);
    for (size_t i = 1; i < 11; ++i) EXPECT_EQ(sample.roles[i], TokenRole::kText);
    for (size_t i = 2; i < 11; ++i) ASSERT_EQ(sample.ids[i], sample.ids[i - 1] + 1);  // never across two texts
    ++begins[sample.ids[1]];
  }
  ASSERT_EQ(begins.size(), 21U + 51U);  // of 30 and 60 tokens; the text of 4 is too short
  for (const auto& [begin, count] : begins) EXPECT_NEAR(static_cast<double>(count), 20000 / 72.0, 90) << begin;
}

TEST(TextSource, IsAFunctionOfSeedIndexAndLength) {
  const TextSource one(counting_texts(), 8, 5, "texts"), same(counting_texts(), 8, 5, "texts"),
      other(counting_texts(), 8, 6, "texts");
  size_t n_different = 0;
  for (uint64_t index = 0; index < 50; ++index) {
    EXPECT_EQ(one.sample(index, 8).ids, same.sample(index, 8).ids);
    if (one.sample(index, 8).ids != other.sample(index, 8).ids) ++n_different;
  }
  EXPECT_GT(n_different, 40U);
}

TEST(TextSource, RefusesTextsWithoutOneWindow) {
  EXPECT_NO_THROW(TextSource(counting_texts(), 61, 1, "a.txt"));
  test::expect_error(ErrorKind::kUsage, "a.txt: the longest text has 61 tokens, too short for samples of 62",
                     [] { TextSource(counting_texts(), 62, 1, "a.txt"); });
}

class TaskSourceTest : public testing::Test {
 protected:
  TaskSourceTest() {
    std::string lines;
    for (size_t i = 0; i < 5; ++i) {
      lines += R"({"context": "Q)" + std::string(3 * i, '.') + R"(?", "answer": "A)" + std::to_string(i) + "\"}\n";
    }
    test::write_text(path_, lines);
  }

  test::TemporaryFolder folder_;
  std::string path_ = (folder_.path() / "tasks.jsonl").string();
  Tokenizer tokenizer_ = Tokenizer::open(PROXIMA_SOURCE_DIR "/data/toy");
};

TEST_F(TaskSourceTest, PacksWholeTasksAndLearnsAnswersOnly) {
  const TaskSource source(path_, tokenizer_, 20, 3);
  std::set<std::string> seen;
  for (uint64_t index = 0; index < 200; ++index) {
    const Sample sample = source.sample(index, 41);
    ASSERT_EQ(sample.ids.size(), 41U);
    ASSERT_EQ(sample.roles.size(), 41U);
    EXPECT_EQ(sample.roles[0], TokenRole::kContext);
    for (size_t i = 1; i < 41; ++i) {
      if (sample.roles[i] != TokenRole::kFirstAnswer) continue;
      ASSERT_EQ(sample.roles[i - 1], TokenRole::kContext);
      ASSERT_LT(i + 1, 41U);  // answers are whole
      EXPECT_EQ(sample.roles[i + 1], TokenRole::kAnswer);
      EXPECT_EQ(tokenizer_.decode(std::vector{sample.ids[i - 1], sample.ids[i]}), "?A");
      seen.insert(tokenizer_.decode(std::vector{sample.ids[i], sample.ids[i + 1]}));
    }
    EXPECT_EQ(sample.ids, source.sample(index, 41).ids);
  }
  EXPECT_EQ(seen, (std::set<std::string>{"A0", "A1", "A2", "A3", "A4"}));
}

TEST_F(TaskSourceTest, LeavesOutTasksThatDoNotFitAndRefusesWhereNoneDoes) {
  const TaskSource source(path_, tokenizer_, 8, 3);  // the first two have 4 and 7 tokens
  for (uint64_t index = 0; index < 50; ++index) {
    const Sample sample = source.sample(index, 8);
    EXPECT_NE(std::ranges::find(sample.roles, TokenRole::kAnswer), sample.roles.end());
  }
  test::expect_error(ErrorKind::kUsage, "tasks.jsonl: the shortest task has 4 tokens, more than samples of 3",
                     [&] { TaskSource(path_, tokenizer_, 3, 1); });
}

// Says which part it is.
class Constant final : public SampleSource {
 public:
  explicit Constant(TokenId id) : id_(id) {}
  Sample sample(uint64_t /*index*/, size_t length) const override {
    return {std::vector<TokenId>(length, id_), std::vector<TokenRole>(length, TokenRole::kContext), {}};
  }

 private:
  TokenId id_;
};

TEST(MixtureSource, TakesEachPartAsOftenAsItsShareSays) {
  const MixtureSource source(
      {{std::make_shared<Constant>(0), 1}, {std::make_shared<Constant>(1), 5}, {std::make_shared<Constant>(2), 2}}, 4);
  std::array<double, 3> counts{};
  for (uint64_t index = 0; index < 8000; ++index) ++counts[source.sample(index, 3).ids[0]];
  EXPECT_NEAR(counts[0], 1000, 120);
  EXPECT_NEAR(counts[1], 5000, 180);
  EXPECT_NEAR(counts[2], 2000, 160);
}

TEST(SpreadPositions, RiseWithGapsAndReachEveryDistance) {
  RandomStream random(1, "spread");
  size_t n_with_gaps = 0, longest = 0;
  for (int trial = 0; trial < 500; ++trial) {
    const auto positions = spread_positions(random, 20, 100);
    ASSERT_EQ(positions.size(), 20U);
    EXPECT_LT(positions.back(), 100U);
    size_t n_gaps = 0;
    for (size_t i = 1; i < 20; ++i) {
      ASSERT_GT(positions[i], positions[i - 1]);
      n_gaps += positions[i] > positions[i - 1] + 1 ? 1U : 0U;
    }
    EXPECT_LE(n_gaps, 3U);
    n_with_gaps += n_gaps > 0 ? 1U : 0U;
    longest = std::max(longest, positions.back() - positions.front());
  }
  EXPECT_GT(n_with_gaps, 450U);
  EXPECT_GT(longest, 90U);
  const auto neighbours = spread_positions(random, 20, 20);
  for (size_t i = 0; i < 20; ++i) EXPECT_EQ(neighbours[i], i);
}

}  // namespace
}  // namespace proxima
