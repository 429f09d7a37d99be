// SPDX-License-Identifier: MIT
// What goes wrong at a shell: each ends with the exit code of its kind and one line that says what, where, what to do.
#include <gtest/gtest.h>

#include <algorithm>

#include "test/cli.h"

namespace proxima {
namespace {

class CliErrors : public ::testing::Test {
 protected:
  CliErrors() {
    cli_.write("doc.txt", "A short document.\n");
    cli_.write("ids.json", "[1, 2, 3]");
    test::write_tiny_model(cli_.path("tiny"), {});
  }

  void expect(const test::CliResult& result, int exit_code, const std::string& part) const {
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    EXPECT_NE(result.err.find(part), std::string::npos) << "standard error: " << result.err << "\nlacks: " << part;
    EXPECT_TRUE(result.err.starts_with("proxima: ")) << result.err;
    EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << "one line, not: " << result.err;
  }
  void expect(const std::string& arguments, int exit_code, const std::string& part) const {
    expect(cli_.run(arguments), exit_code, part);
  }

  test::Cli cli_;
};

TEST_F(CliErrors, Usage) {
  expect("", 2, "which command");
  expect("fly", 2, "fly");
  expect("run --no-such-flag", 2, "--no-such-flag");
  expect("run -q -p hello --temp 0 --temp 1", 2, "--temp");
  expect("run -q -p hello -n -1", 2, "whole number");
  expect("run -q -p hello -n 99999999999999999999", 2, "out of range");
  expect("run -q -p hello --precision f16", 2, "f64|f32|fast");
  expect("run -q -p hello --temp nan", 2, "temperature");
  expect("run -q -p hello --temp 1 --top-p 1.5", 2, "top-p");
  expect("run -q -p hello --simd neon", 2, "neon");
  expect("run -q -p 'a\\qb' -e", 2, "escape");
  expect("run -q -p hello -c 100000", 2, "-c");
  expect("plan --tokens 5 -f doc.txt", 2, "--tokens");
  expect("synth -o tiny", 2, "holds a model already");
}

TEST_F(CliErrors, FlagsWithoutEffect) {
  expect("run -q -p hello --map nothing.json", 2, "--map has no effect");
  expect("run -q -p hello --ns 4", 2, "--ns has no effect");
  expect("run -q -p hello --nr 4", 2, "--nr has no effect");
  expect("run -q -p hello --pod-uniform 4", 2, "--pod-uniform has no effect");
  expect("run -q -p hello --cache pod", 2, "--map FILE or --pod-uniform");
  expect("run -q -p hello --cache pod --pod-uniform 1", 2, "save nothing");
  expect("run -q -p hello --cache pod --pod-uniform 9", 2, "only 8 layers");
  expect("run -q -p hello --cache pod --pod-uniform 2 --map x.json", 2, "contradict");
  expect("run -q -p hello --top-k 5", 2, "--temp above 0");
  expect("run -q -p hello --json --no-stream", 2, "--no-stream");
  expect("run -q -f doc.txt -e", 2, "-e has no effect");
  expect("plan --tokens 9 -n 4", 2, "-n has no effect");
  expect("plan -c 100000", 2, "-c");
  expect("dump -q -m tiny --ids ids.json --score-rows 2 -o out", 2, "--score-rows has no effect");
  expect("run -q -p hello -sys 'be brief'", 2, "system prompt");
  expect("run -q -p hello --raw --chat-template-file doc.txt", 2, "contradict");
  expect("run -q -p hello --precision f32 -ctk bf16", 2, "-ctk bf16");
  expect("run -q -p hello --precision f32 -ctv q8_0", 2, "-ctv q8_0");
  expect("run -q -p hello --precision f32 --weights int8", 2, "--weights int8 does not go with --precision f32");
  expect("plan -m tiny --tokens 9 -ctk q8_0", 2, "blocks of 32 values, but this model's heads have 16");
  expect("run -q -p hello -ctv f64", 2, "-ctv f64");
  expect(cli_.run("run -q -p hello", "PROXIMA_NS=4"), 2, "--ns has no effect");
}

TEST_F(CliErrors, EmptyAndInvalidText) {
  cli_.write("empty.txt", "");
  cli_.write("latin1.txt", "caf\xe9 au lait");
  cli_.write("nul.txt", std::string("a\0b", 3));
  expect("run -q", 2, "empty");
  expect("run -q -f empty.txt", 2, "empty");
  expect("summarize -q", 2, "which document");
  expect("summarize -q -f empty.txt", 2, "empty.txt is empty");
  expect("run -q -f latin1.txt", 2, "byte 3 (0xe9) is not valid UTF-8");
  expect("run -q -f nul.txt", 2, "byte 1 is NUL");
  expect("run -q -f absent.txt", 3, "absent.txt");
  expect("run -q -f .", 3, "directory");
  expect("summarize -q -f doc.txt -f absent.txt", 3, "absent.txt");
}

TEST_F(CliErrors, TokenIds) {
  cli_.write("far.json", "{\"input_ids\": [1, 128]}");
  cli_.write("negative.json", "[1, -1]");
  cli_.write("none.json", "[]");
  cli_.write("object.json", "{\"ids\": [1]}");
  cli_.write("broken.json", "[1, 2");
  expect("dump -q -m tiny --ids far.json -o out", 2, "token id 128 is outside the vocabulary of 128");
  expect("dump -q -m tiny --ids negative.json -o out", 2, "element 1");
  expect("dump -q -m tiny --ids none.json -o out", 2, "empty");
  expect("dump -q -m tiny --ids object.json -o out", 3, "input_ids");
  expect("dump -q -m tiny --ids broken.json -o out", 3, "broken.json");
  expect("dump -q -m tiny --ids ids.json", 2, "-o FILE");
  expect("dump -q -m tiny --ids ids.json --points 'layers.9.q' -o out", 2, "layers.9.q");
  EXPECT_FALSE(std::filesystem::exists(cli_.path("out")));
}

TEST_F(CliErrors, TokenizeAndTemplate) {
  cli_.write("latin1.txt", "caf\xe9");
  expect("tokenize -f absent.txt", 3, "absent.txt");
  expect("tokenize -f .", 3, "cannot be read");
  expect("tokenize -f latin1.txt", 2, "UTF-8");
  expect("tokenize -p a --count --ids", 2, "one of them");
  expect("tokenize -p a --skip-special", 2, "--skip-special has no effect");
  expect("tokenize -p a -f doc.txt", 2, "leave one out");
  expect("tokenize --decode -p 9999", 2, "9999");
  expect("tokenize -m tiny -p a", 3, "tokenizer.json");
  expect("template -p hi", 3, "template");
  expect(cli_.shell("\"$P\" tokenize -f doc.txt >/dev/full"), 7, "");
}

TEST_F(CliErrors, Models) {
  expect("inspect -m nowhere", 3, "nowhere");
  expect("inspect -m doc.txt", 3, "doc.txt");
  std::filesystem::resize_file(cli_.path("tiny/model.safetensors"), 5000);
  expect("inspect -m tiny", 3, "model.safetensors");
  test::write_tiny_model(cli_.path("nan"), {});
  std::string weights = cli_.read("nan/model.safetensors");
  weights.replace(weights.size() - 4, 4, std::string("\x00\x00\xc0\x7f", 4));
  cli_.write("nan/model.safetensors", weights);
  expect("inspect -m nan --check", 3, "NaN");
  expect("dump -q -m nan --ids ids.json -o out --check-finite", 3, "NaN");
  expect("dump -q -m nan --ids ids.json -o out", 6, "--check-finite");
  test::write_tiny_model(cli_.path("bare"), {});
  expect("run -q -m bare -p hello", 3, "tokenizer.json");
}

TEST_F(CliErrors, Maps) {
  const auto map = [](const std::string& starts, int layers) {
    return "{\"format\":\"proxima.sharing-map/1\",\"layers\":" + std::to_string(layers) +
           ",\"kv_heads\":2,\"ns\":4,\"nr\":64,\"block_starts\":" + starts + "}";
  };
  const auto expect_map = [&](const std::string& text, int exit_code, const std::string& part) {
    cli_.write("map.json", text);
    expect("run -q -p hello --cache pod --map map.json", exit_code, part);
  };
  expect_map(map("[[0],[0]]", 6), 3, "6 layers");
  expect_map(map("[[1],[0]]", 8), 3, "start at layer 0");
  expect_map(map("[[0,5,5],[0]]", 8), 3, "ascend");
  expect_map(map("[[0,8],[0]]", 8), 3, "below 8");
  expect_map(map("[[0]]", 8), 3, "1 lists for 2 KV heads");
  expect_map("{}", 3, "map.json");
  expect_map("not json", 3, "map.json");
  expect_map(map("[[0,1,2,3,4,5,6,7],[0,1,2,3,4,5,6,7]]", 8), 2, "save nothing");
  expect("run -q -p hello --cache pod --map absent.json", 3, "absent.json");
}

TEST_F(CliErrors, ContextAndMemory) {
  cli_.write("long.txt", std::string(3000, 'x'));
  expect("run -q -f long.txt", 4, "3000 tokens and 256 for the answer");
  expect("run -q -p hello -n 2048", 4, "2048");
  expect("run -q -p hello -c 10 -n 8", 4, "(-c)");
  expect("summarize -q -f doc.txt -f long.txt", 4, "--on-overflow");
  expect("summarize -q -f long.txt -n 2048 --on-overflow head", 4, "no room");
  expect("plan -f long.txt", 4, "3256 tokens");

  test::write_tiny_model(cli_.path("huge"), {.layers = 8, .kv_heads = 4, .head_dim = 256, .max_position = 60000000});
  for (const char* file : {"tokenizer.json", "tokenizer_config.json"}) {
    std::filesystem::copy_file(std::filesystem::path(PROXIMA_SOURCE_DIR "/data/toy") / file, cli_.path("huge") / file);
  }
  expect("run -q -m huge -p hello -n 50000000", 5, "tokens would fit");
}

TEST_F(CliErrors, Output) {
  expect(cli_.shell("\"$P\" run -q -p hello -n 4 >/dev/full"), 7, "standard output");
  expect(cli_.shell("\"$P\" run -q -p hello -n 4 >&-"), 7, "standard output");
  expect(cli_.shell("\"$P\" plan --json >/dev/full"), 7, "standard output");
  expect(cli_.shell("\"$P\" --help >/dev/full"), 7, "standard output");
  expect("dump -q -m tiny --ids ids.json -o /dev/full", 7, "/dev/full");
  expect("dump -q -m tiny --ids ids.json -o nowhere/out", 7, "nowhere/out");
  // A reader that goes away.
  const auto piped = cli_.shell("\"$P\" run -q -p hello -n 2000 --no-stream | head -c 0; exit ${PIPESTATUS[0]}");
  EXPECT_EQ(piped.exit_code, 7) << piped.err;
}

// A run of some seconds; the rest of the script comes when its first text is there.
const std::string kLongRun =
    "\"$P\" run $M -p 'It was late and the' -n 2000 --precision f64 >out.txt & run=$!\n"
    "until [ -s out.txt ] || ! kill -0 $run; do sleep 0.01; done\n";

TEST_F(CliErrors, AFileThatShrinksWhileMappedEndsWithOneLine) {
  std::filesystem::copy(PROXIMA_SOURCE_DIR "/data/toy", cli_.path("copy"));
  const auto result = cli_.shell("M='-q -m copy'\n" + kLongRun + ": >copy/model.safetensors; wait $run");
  expect(result, 3, "shrank");
}

TEST_F(CliErrors, TheFirstInterruptEndsCleanlyWithStatistics) {
  // A script starts what it runs in the background with interrupts ignored: the program must listen all the same.
  const auto result = cli_.shell(kLongRun + "kill -INT $run; wait $run");
  EXPECT_EQ(result.exit_code, 130);
  EXPECT_NE(result.err.find("answer "), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("interrupted"), std::string::npos) << result.err;
  EXPECT_TRUE(cli_.read("out.txt").ends_with("\n"));
}

TEST_F(CliErrors, AnInterruptWhileReadingSaysHowFarItCame) {
  cli_.write("doc.txt", std::string(2000, 'x'));
  const auto result = cli_.shell(
      "\"$P\" run -f doc.txt -n 4 --chunk 1 --precision f64 --progress plain 2>err.txt & run=$!\n"
      "until grep -q tokens err.txt || ! kill -0 $run; do sleep 0.01; done; kill -INT $run; wait $run");
  EXPECT_EQ(result.exit_code, 130);
  const std::string err = cli_.read("err.txt");
  EXPECT_NE(err.find(" of 2000 tokens in "), std::string::npos) << err;
  EXPECT_TRUE(err.ends_with("proxima: interrupted\n")) << err;
}

}  // namespace
}  // namespace proxima
