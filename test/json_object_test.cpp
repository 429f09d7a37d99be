// SPDX-License-Identifier: MIT
#include "core/json_object.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "test/expect_error.h"

namespace proxima {
namespace {

using Keys = std::vector<std::string>;

const auto kSample = nlohmann::json::parse(R"({"size": 7, "number": 0.5, "flag": true, "text": "x", "none": null})");

TEST(JsonObject, ReadsEachTypeAndRemembersWhatWasRead) {
  JsonObject object(kSample, "here");
  EXPECT_EQ(object.unread(), (Keys{"flag", "none", "number", "size", "text"}));
  EXPECT_EQ(object.size("size"), 7U);
  EXPECT_EQ(object.number("size"), 7.0);
  EXPECT_EQ(object.number("number"), 0.5);
  EXPECT_EQ(object.find_bool("flag"), true);
  EXPECT_EQ(object.text("text"), "x");
  EXPECT_EQ(object.unread(), Keys{"none"});
}

TEST(JsonObject, TakesNullForAbsent) {
  JsonObject object(kSample, "here");
  EXPECT_TRUE(object.has("none"));
  EXPECT_FALSE(object.has("absent"));
  for (const char* key : {"none", "absent"}) {
    EXPECT_EQ(object.find(key), nullptr);
    EXPECT_FALSE(object.find_size(key));
    EXPECT_FALSE(object.find_number(key));
    EXPECT_FALSE(object.find_bool(key));
    EXPECT_FALSE(object.find_text(key));
    test::expect_error(ErrorKind::kInput, std::string("here: \"") + key + "\" is missing", [&] { object.size(key); });
    test::expect_error(ErrorKind::kInput, "is missing", [&] { object.number(key); });
    test::expect_error(ErrorKind::kInput, "is missing", [&] { object.text(key); });
  }
}

TEST(JsonObject, NamesKeyAndValueOfAWrongType) {
  JsonObject object(kSample, "here");
  test::expect_error(ErrorKind::kInput, "here: \"number\" must be a whole number, not \"0.5\"",
                     [&] { object.find_size("number"); });
  test::expect_error(ErrorKind::kInput, "must be a number", [&] { object.find_number("flag"); });
  test::expect_error(ErrorKind::kInput, "must be true or false", [&] { object.find_bool("size"); });
  test::expect_error(ErrorKind::kInput, "must be a string", [&] { object.find_text("size"); });
  const nlohmann::json negative = {{"size", -1}};
  test::expect_error(ErrorKind::kInput, "not \"-1\"", [&] { JsonObject(negative, "here").size("size"); });
  const nlohmann::json array = nlohmann::json::array();
  test::expect_error(ErrorKind::kInput, "here: must be a JSON object, not array", [&] { JsonObject(array, "here"); });
}

}  // namespace
}  // namespace proxima
