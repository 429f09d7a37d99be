// SPDX-License-Identifier: MIT
#include "core/json_file.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "test/expect_error.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

void refuse(const std::string& text, std::string_view part) {
  SCOPED_TRACE(text.substr(0, 80));
  test::expect_error(ErrorKind::kInput, part, [&] { parse_json(text, "file"); });
}

TEST(JsonFile, ReadsWhatIsRight) {
  const auto json = parse_json(R"( {"a": [1, {"x": 1}, {"x": 2}], "b": {"x": null, "a": "\u00e4"}} )", "file");
  EXPECT_EQ(json.at("a").at(2).at("x"), 2);
  EXPECT_EQ(json.at("b").at("a"), "ä");
  const test::TemporaryFolder folder;
  test::write_text(folder.path() / "x.json", "[1, 2]");
  EXPECT_EQ(read_json_file(folder.path() / "x.json").size(), 2U);
}

TEST(JsonFile, RefusesAKeyTwiceInOneObject) {
  refuse(R"({"a": 1, "b": 2, "a": 1})", "file: the key \"a\" appears twice");
  refuse(R"({"o": {"k": {"a": 1}, "k": 2}})", "the key \"k\" appears twice");
  refuse(R"([{"a": 1, "\u0061": 1}])", "the key \"a\" appears twice");
  refuse("{\"\\n\": 1, \"\\n\": 2}", "the key \"\\x0a\" appears twice");
}

TEST(JsonFile, NamesPathLineAndColumn) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "bad.json";
  test::write_text(path, "{\"a\": 1,\n \"b\" 2}");
  test::expect_error(ErrorKind::kInput, path.string() + ": not valid JSON: parse error at line 2, column 6",
                     [&] { read_json_file(path); });
}

TEST(JsonFile, RefusesWhatParsersLetPass) {
  refuse(std::string("{}\0 hidden", 10), "NUL at byte 2");
  refuse("{} {}", "not valid JSON");
  refuse("", "not valid JSON");
  refuse("{\"a\": 1e999}", "not valid JSON");
  refuse("{\"a\": NaN}", "not valid JSON");
  refuse("{\"a\": \"\xff\"}", "not valid JSON");
  refuse("{'a': 1}", "not valid JSON");
  refuse("[1,]", "not valid JSON");
  refuse("// c\n[1]", "not valid JSON");
}

TEST(JsonFile, BoundsNestingAndTheLengthOfMessages) {
  refuse(std::string(1'000'000, '['), "nested deeper than");
  const std::string text = "\"" + std::string(1'000'000, 'x');
  try {
    parse_json(text, "file");
    FAIL();
  } catch (const Error& error) {
    EXPECT_LT(std::string(error.what()).size(), 400U);
  }
}

}  // namespace
}  // namespace proxima
