// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <sstream>

#include "apps/tokenize.h"
#include "test/expect_error.h"
#include "test/tiny_model.h"
#include "test/tiny_tokenizer.h"

namespace proxima {
namespace {

class TokenizeCommand : public ::testing::Test {
 protected:
  TokenizeCommand() {
    test::write_text(folder_.path() / "tokenizer.json", test::byte_level_tokenizer({{"t", "h"}, {"th", "e"}}).dump());
    options_.model = folder_.path();
  }
  std::string run(const std::string& input = "") const {
    std::istringstream in(input);
    std::ostringstream out;
    run_tokenize(options_, in, out);
    return out.str();
  }

  test::TemporaryFolder folder_;
  TokenizeOptions options_;
};

TEST_F(TokenizeCommand, PrintsTokensCountsAndIds) {
  options_.text = "the \n<|end|>";
  EXPECT_EQ(run(), "257\t\"the\"\n32\t\"\u0120\"\n10\t\"\u010a\"\n258\t\"<|end|>\"\n");
  options_.form = TokenizeOptions::Form::kCount;
  EXPECT_EQ(run(), "4\n");
  options_.form = TokenizeOptions::Form::kIds;
  EXPECT_EQ(run(), "257 32 10 258\n");
  options_.form = TokenizeOptions::Form::kJson;
  EXPECT_EQ(run(), "{\"ids\":[257,32,10,258],\"n_tokens\":4,\"tokens\":[\"the\",\"\u0120\",\"\u010a\",\"<|end|>\"]}\n");
  options_.text.reset();
  options_.form = TokenizeOptions::Form::kCount;
  EXPECT_EQ(run("a b\n"), "4\n");
}

TEST_F(TokenizeCommand, DecodesIds) {
  options_.decode = true;
  EXPECT_EQ(run("[257, 32]\n10 258"), "the \n<|end|>");
  options_.skip_special = true;
  EXPECT_EQ(run("257,258"), "the");
  test::expect_error(ErrorKind::kUsage, "\"259\"", [&] { run("259"); });
  test::expect_error(ErrorKind::kUsage, "\"x\"", [&] { run("1 x"); });
  options_.form = TokenizeOptions::Form::kCount;
  test::expect_error(ErrorKind::kUsage, "--decode", [&] { run("1"); });
}

TEST_F(TokenizeCommand, AnswersJsonLines) {
  options_.form = TokenizeOptions::Form::kJsonLines;
  EXPECT_EQ(run("{\"text\":\"the<|end|>\"}\n\n{\"text\":\"<|e\",\"parse_special\":false,\"add_special\":false}\n"),
            "{\"ids\":[257,258]}\n{\"ids\":[60,124,101]}\n");
  EXPECT_EQ(run("{\"text\":\"\"}"), "{\"ids\":[]}\n");
  test::expect_error(ErrorKind::kInput, "line 2", [&] { run("{\"text\":\"a\"}\n{\"txt\":\"a\"}\n"); });
  test::expect_error(ErrorKind::kInput, "unknown key", [&] { run("{\"text\":\"a\",\"x\":1}\n"); });
  options_.decode = true;
  EXPECT_EQ(run("{\"ids\":[257,258,999]}\n{\"ids\":[257,258],\"skip_special\":true}\n{\"ids\":[226]}\n"),
            "{\"text\":\"the<|end|>\"}\n{\"text\":\"the\"}\n{\"text\":\"\uFFFD\"}\n");
  test::expect_error(ErrorKind::kInput, "token id", [&] { run("{\"ids\":[-1]}"); });
  options_.text = "a";
  test::expect_error(ErrorKind::kUsage, "--jsonl", [&] { run(); });
}

TEST_F(TokenizeCommand, ReportsAFullOutput) {
  options_.text = "a";
  std::istringstream in;
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  test::expect_error(ErrorKind::kOutput, "written", [&] { run_tokenize(options_, in, out); });
}

}  // namespace
}  // namespace proxima
