// SPDX-License-Identifier: MIT
#include "model/json_cursor.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "test/expect_error.h"

namespace proxima {
namespace {

// Reads any value into a tree.
nlohmann::json read(JsonCursor& cursor) {
  nlohmann::json value;
  switch (cursor.peek()) {
    case '{':
      value = nlohmann::json::object();
      cursor.enter_object();
      for (std::string_view key; cursor.next_key(key);) {
        const std::string name(key);
        value[name] = read(cursor);
      }
      return value;
    case '[':
      value = nlohmann::json::array();
      cursor.enter_array();
      while (cursor.next_element()) value.push_back(read(cursor));
      return value;
    case '"':
      return std::string(cursor.read_string());
    case 't':
    case 'f':
      return cursor.read_bool();
    case 'n':
      cursor.read_null();
      return value;
    default:
      return nlohmann::json::parse(cursor.read_number());
  }
}

TEST(JsonCursor, ReadsWhatTheParserReads) {
  for (const char* text :
       {R"({"a": [1, -2.5e3, 0, true, false, null], "": {"x\n\u00e9\ud83d\ude00\"\\\/\b\f\r\t": "y"}})", "[]", "{}",
        " [ [ ] , { } , [ [ 1 ] ] ] \n", R"("\u0000")", "123456789012345678901234567890", "\"\u20ac plain\""}) {
    JsonCursor cursor(text);
    EXPECT_EQ(read(cursor), nlohmann::json::parse(text)) << text;
    cursor.expect_end();
    JsonCursor raw(text);
    EXPECT_EQ(nlohmann::json::parse(raw.read_raw()), nlohmann::json::parse(text));
    raw.expect_end();
  }
}

TEST(JsonCursor, RefusesWhatTheParserRefuses) {
  for (const char* text : {"",         "{",         "[1,]",        "[,1]",        "[1 2]",
                           "{\"a\"}",  "{\"a\":}",  "{\"a\":1,}",  "{a:1}",       "[01]",
                           "[1.]",     "[-]",       "[1e]",        "[+1]",        "\"",
                           "\"\\x\"",  "\"\\u12\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"",
                           "\"a\nb\"", "[tru]",     "nul",         "[1}",         "\"\xFF\"",
                           "]"}) {
    ASSERT_FALSE(nlohmann::json::accept(std::string_view(text))) << text;
    test::expect_error(ErrorKind::kInput, "line", [&] {
      JsonCursor cursor(text);
      read(cursor);
      cursor.expect_end();
    });
  }
}

TEST(JsonCursor, NamesTheLine) {
  test::expect_error(ErrorKind::kInput, "line 3", [] {
    JsonCursor cursor("[1,\n2,\n x]");
    read(cursor);
  });
}

TEST(JsonCursor, ReadsIdsStrictly) {
  EXPECT_EQ(JsonCursor("4294967295").read_uint32(), 4294967295U);
  for (const char* text : {"-1", "1.0", "1e2", "4294967296", "\"1\""}) {
    test::expect_error(ErrorKind::kInput, "", [&] { JsonCursor(text).read_uint32(); });
  }
}

}  // namespace
}  // namespace proxima
