// SPDX-License-Identifier: MIT
#include "apps/explore_state.h"

#include <gtest/gtest.h>

#include "test/expect_error.h"
#include "test/random.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

using test::expect_error;

ExploreState some_state() {
  test::Random random(1);
  ExploreState state;
  state.settings = {{"--by", "kld"}, {"weights", "0123456789abcdef"}};
  state.samples_done = 3;
  state.table = PairTable(4, 2);
  state.table.sums = random.numbers<double>(32);
  state.table.n_rows = random.numbers<double>(32);
  state.search.steps = {{{2, 1, 0}, {0.1, -1e-300}}, {{3, 0, 2}, {1.0 / 3, 2}}};
  state.search.candidates = {{{1, 0, 0}, true, 1, {0.7, 0.1}, 1e-17}, {{1, 1, 0}}};
  state.search.least_ratio = 0.1 + 0.2;
  state.search.n_measured = 5;
  return state;
}

TEST(ExploreStateTest, ComesBackBitByBit) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "state.json";
  const ExploreState state = some_state();
  EXPECT_FALSE(read_explore_state(path, state.settings));
  write_explore_state(path, state);
  const auto back = read_explore_state(path, state.settings);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->settings, state.settings);
  EXPECT_EQ(back->samples_done, state.samples_done);
  EXPECT_EQ(back->table.sums, state.table.sums);
  EXPECT_EQ(back->table.n_rows, state.table.n_rows);
  EXPECT_EQ(back->search.least_ratio, state.search.least_ratio);
  EXPECT_EQ(back->search.n_measured, 5U);
  ASSERT_EQ(back->search.steps.size(), 2U);
  EXPECT_EQ(back->search.steps[1].cell, state.search.steps[1].cell);
  EXPECT_EQ(back->search.steps[1].damage.kl, 1.0 / 3);
  EXPECT_EQ(back->search.steps[0].damage.task_loss, -1e-300);
  ASSERT_EQ(back->search.candidates.size(), 2U);
  EXPECT_EQ(back->search.candidates[0].increase, 1e-17);
  EXPECT_TRUE(back->search.candidates[0].measured);
  EXPECT_FALSE(back->search.candidates[1].measured);
}

TEST(ExploreStateTest, RefusesOtherSettingsAndDamage) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "state.json";
  ExploreState state = some_state();
  write_explore_state(path, state);
  expect_error(ErrorKind::kInput, "--by kld, now it is js", [&] {
    read_explore_state(path, {{"--by", "js"}, {"weights", "0123456789abcdef"}});
  });
  expect_error(ErrorKind::kInput, "--length unknown", [&] { read_explore_state(path, {{"--length", "4"}}); });
  state.search.steps[0].cell.layer = 4;
  write_explore_state(path, state);
  expect_error(ErrorKind::kInput, "do not fit", [&] { read_explore_state(path, state.settings); });
  for (const std::string text : {"{}", R"({"format": "proxima.explore-state/9"})", "[1]", "{\"format\":"}) {
    test::write_text(path, text);
    expect_error(ErrorKind::kInput, path.string(), [&] { read_explore_state(path, state.settings); });
  }
}

}  // namespace
}  // namespace proxima
