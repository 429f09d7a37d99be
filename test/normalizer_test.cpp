// SPDX-License-Identifier: MIT
#include "model/normalizer.h"

#include <gtest/gtest.h>

#include "test/expect_error.h"

namespace proxima {
namespace {

TEST(Normalizer, AppliesItsStepsInOrder) {
  const char* llama = R"({"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"_"},
      {"type":"Replace","pattern":{"String":" "},"content":"__"}]})";
  EXPECT_EQ(Normalizer::parse(llama).apply(" a b"), "___a__b");
  EXPECT_EQ(Normalizer::parse(llama).apply(""), "");
  EXPECT_EQ(Normalizer::parse("null").apply("e\u0301"), "e\u0301");
  EXPECT_EQ(Normalizer::parse(R"({"type":"NFC"})").apply("e\u0301"), "\u00e9");
}

// Each step doubles the text: forty of them would need a terabyte.
TEST(Normalizer, RefusesToGrowWithoutEnd) {
  std::string steps;
  for (size_t count = 0; count < 40; ++count) {
    steps += std::string(count == 0 ? "" : ",") + R"({"type":"Replace","pattern":{"String":"a"},"content":"aa"})";
  }
  const auto normalizer = Normalizer::parse(R"({"type":"Sequence","normalizers":[)" + steps + "]}");
  test::expect_error(ErrorKind::kInput, "more than", [&] { normalizer.apply("aaaa"); });
}

}  // namespace
}  // namespace proxima
