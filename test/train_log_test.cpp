// SPDX-License-Identifier: MIT
#include "apps/train/train_log.h"

#include <gtest/gtest.h>

#include "test/expect_error.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

StepReport report(size_t step) {
  StepReport report;
  report.step = step;
  report.tokens = step * 100;
  report.stage = 1;
  report.loss = 2.5;
  report.text = {30.0, 4, 16};
  if (step % 2 == 0) report.first_answer = {1.5, 1, 3};
  report.seconds = 0.25;
  return report;
}

TEST(TrainLog, GoesOnAfterTheStepOfACheckpointAndDropsATornLine) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "log.jsonl";
  std::string whole;
  {
    TrainLog log(path, 0);
    for (size_t step = 1; step <= 5; ++step) log.add(report(step)), whole += report(step).json() + "\n";
  }
  EXPECT_EQ(test::read_text(path), whole);
  test::write_text(path, whole + R"({"step":6,"tok)");
  {
    TrainLog log(path, 3);
    ASSERT_EQ(log.steps().size(), 3U);
    for (size_t step = 4; step <= 5; ++step) log.add(report(step));
    EXPECT_EQ(log.recent(), "loss 2.500, text 1.875, first answer tokens 33.3 %");
  }
  EXPECT_EQ(test::read_text(path), whole);
  EXPECT_EQ(TrainLog(path, 0).steps().size(), 0U);
  EXPECT_EQ(test::read_text(path), "");
}

TEST(TrainLog, RefusesAnotherFile) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "log.jsonl";
  test::write_text(path, "{\"a\": 1}\n");
  test::expect_error(ErrorKind::kInput, "log.jsonl:1: not a line that training reports", [&] { TrainLog(path, 2); });
}

TEST(TrainLog, DrawsWhatItHas) {
  const test::TemporaryFolder folder;
  TrainLog log(folder.path() / "log.jsonl", 0);
  for (size_t step = 1; step <= 1000; ++step) log.add(report(step));
  const std::string svg = log.curve("A run");
  EXPECT_NE(svg.find("A run"), std::string::npos);
  EXPECT_NE(svg.find("first answer tokens wrong"), std::string::npos);
  EXPECT_EQ(svg.find("later answer tokens wrong"), std::string::npos);
}

}  // namespace
}  // namespace proxima
