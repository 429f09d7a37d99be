// SPDX-License-Identifier: MIT
#include "apps/eval/grid_values.h"

#include <gtest/gtest.h>

#include "apps/eval/prompt_template.h"
#include "test/expect_error.h"

namespace proxima {
namespace {

using test::expect_error;

TEST(GridValues, Lengths) {
  using Lengths = std::vector<size_t>;
  EXPECT_EQ(parse_lengths("--lengths", "1k,512,2K,512"), (Lengths{512, 1024, 2048}));
  EXPECT_EQ(parse_lengths("--lengths", "1k:4k:1k"), (Lengths{1024, 2048, 3072, 4096}));
  EXPECT_EQ(parse_lengths("--lengths", "100:350:100"), (Lengths{100, 200, 300}));
  for (const char* text : {"", "1k,", "0", "-1", "1m", "1:2", "1:2:3:4", "5:1:1", "1:99999999:1"}) {
    expect_error(ErrorKind::kUsage, "--lengths", [&] { parse_lengths("--lengths", text); });
  }
}

TEST(GridValues, Depths) {
  EXPECT_EQ(parse_depths("--depths", "100,0,33.5"), (std::vector<double>{0, 33.5, 100}));
  EXPECT_EQ(parse_depths("--depths", "0:100:10").size(), 11U);
  EXPECT_EQ(parse_depths("--depths", "0:1:0.1").back(), 1);
  for (const char* text : {"101", "x", "0:100:0", "nan", "-3"}) {
    expect_error(ErrorKind::kUsage, "--depths", [&] { parse_depths("--depths", text); });
  }
}

TEST(PromptTemplate, FillsPlacesAndFindsTheContextsEnd) {
  const auto filled = fill_template("A {{x}} {context}B{input}", {{"context", "c{c}"}, {"input", "i"}}, "t");
  EXPECT_EQ(filled.text, "A {x} c{c}Bi");
  EXPECT_EQ(filled.text.substr(0, filled.context_bytes), "A {x} c{c}");
  EXPECT_EQ(fill_template("no place", {}, "t").context_bytes, 0U);
  expect_error(ErrorKind::kInput, "t: the template asks for \"{other}\"", [] { fill_template("{other}", {}, "t"); });
  expect_error(ErrorKind::kInput, "single brace at byte 2", [] { fill_template("a {", {}, "t"); });
  expect_error(ErrorKind::kInput, "single brace at byte 1", [] { fill_template("a} b", {}, "t"); });
}

}  // namespace
}  // namespace proxima
