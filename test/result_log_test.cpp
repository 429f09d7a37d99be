// SPDX-License-Identifier: MIT
#include "apps/eval/result_log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "test/expect_error.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

using nlohmann::ordered_json;
using test::expect_error;

TEST(ResultLog, FindsWhatWasMadeWithTheSameSettings) {
  const test::TemporaryFolder folder;
  const std::string path = (folder.path() / "r.jsonl").string();
  const ordered_json a = {{"cache", "a"}};
  const ordered_json b = {{"cache", "b"}};
  {
    ResultLog log(path);
    const std::string run = log.use(a);
    log.add("one", {{"x", 1}});
    EXPECT_NE(log.use(b), run);
    EXPECT_EQ(log.find("one"), nullptr);
    log.add("one", {{"x", 2}});
  }
  ResultLog log(path);
  log.use(a);
  ASSERT_NE(log.find("one"), nullptr);
  EXPECT_EQ(*log.find("one"), R"({"x":1})");
  EXPECT_EQ(log.find("two"), nullptr);
  log.use(b);
  EXPECT_EQ(*log.find("one"), R"({"x":2})");
  log.use({{"cache", "c"}});
  EXPECT_EQ(log.find("one"), nullptr);
  // Settings are written once.
  const std::string text = test::read_text(path);
  EXPECT_EQ(std::ranges::count(text, '\n'), 5) << text;
}

TEST(ResultLog, ADoneResultSurvivesAKillAtAnyByteOfTheNext) {
  const test::TemporaryFolder folder;
  const std::string path = (folder.path() / "r.jsonl").string();
  const ordered_json settings = {{"cache", "a"}};
  std::string before;
  std::string after;
  {
    ResultLog log(path);
    log.use(settings);
    log.add("one", {{"x", 1}});
    before = test::read_text(path);
    log.add("two", {{"x", 2}});
    after = test::read_text(path);
  }
  for (size_t size = before.size(); size <= after.size(); ++size) {
    test::write_text(path, after.substr(0, size));
    ResultLog log(path);
    log.use(settings);
    ASSERT_NE(log.find("one"), nullptr) << size;
    EXPECT_EQ(log.find("two") != nullptr, size == after.size());
    if (log.find("two") == nullptr) log.add("two", {{"x", 2}});
    EXPECT_EQ(test::read_text(path), after);
  }
}

TEST(ResultLog, LeavesOtherFilesAlone) {
  const test::TemporaryFolder folder;
  const std::string path = (folder.path() / "notes.txt").string();
  for (const std::string text : {"my notes\n", "my notes", "{}\n", "{\"run\": 1}\n", "{\"other\": 2}",
                                 "{\"run\":\"x\",\"settings\":{}}\nrest"}) {
    test::write_text(path, text);
    expect_error(ErrorKind::kInput, "is no line of a results file", [&] { const ResultLog log(path); });
    EXPECT_EQ(test::read_text(path), text);
  }
  expect_error(ErrorKind::kOutput, "cannot be opened", [&] { const ResultLog log("/nowhere/at/all.jsonl"); });
  expect_error(ErrorKind::kOutput, "regular file", [&] { const ResultLog log("/dev/null"); });
}

TEST(ResultLog, WithoutAFileResultsLiveInMemory) {
  ResultLog log("");
  log.use({{"cache", "a"}});
  log.add("one", 5);
  EXPECT_EQ(*log.find("one"), "5");
}

}  // namespace
}  // namespace proxima
