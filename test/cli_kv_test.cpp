// SPDX-License-Identifier: MIT
// `prefill` and `run --kv` as a shell user meets them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>

#include "test/cli.h"

namespace proxima {
namespace {

using nlohmann::json;

const std::string kToy = PROXIMA_SOURCE_DIR "/data/toy";
const std::string kHarbour = PROXIMA_SOURCE_DIR "/data/toy/samples/harbour.txt";
const std::string kPod = " --cache pod --map " + kToy + "/map-damage.json --ns 4 --nr 64";
constexpr const char* kSelo = "'Question: Selo?\\nAnswer: Selo '";

class CliKv : public ::testing::Test {
 protected:
  void prefill(const std::string& flags, const std::string& output = "kv") const {
    const auto result = cli_.run("prefill -q -o " + output + " " + flags);
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.out + result.err, "");
  }
  // One JSON object an answer.
  std::vector<json> answers(const std::string& arguments) const {
    const auto result = cli_.run("run -q --json " + arguments);
    EXPECT_EQ(result.exit_code, 0) << arguments << "\n" << result.err;
    std::vector<json> all;
    std::istringstream lines(result.out);
    for (std::string line; std::getline(lines, line);) all.push_back(json::parse(line));
    return all;
  }
  // Refused with this exit code and one line, and nothing on standard output.
  void refuse(const std::string& arguments, int exit_code, const std::string& part) const {
    const auto result = cli_.run(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << arguments << "\n" << result.err;
    EXPECT_NE(result.err.find(part), std::string::npos) << arguments << "\n" << result.err << "lacks: " << part;
    EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
    EXPECT_EQ(result.out, "");
  }
  void copy_toy(const std::string& name) const { std::filesystem::copy(kToy, cli_.path(name)); }

  test::Cli cli_;
};

TEST_F(CliKv, QuestionsToASavedDocumentAreAnsweredAsIfItHadBeenRead) {
  for (const std::string precision : {"f64", "f32"}) {
    for (const std::string& cache : {std::string(), kPod}) {
      SCOPED_TRACE(precision + cache);
      prefill("-f " + kHarbour + " --precision " + precision + cache);
      const std::vector<std::string> questions = {kSelo, "'Question: Nori?\\nAnswer: Nori '", "'\\nAnd'", "' x'",
                                                  "'?'"};
      std::string all;
      for (const std::string& question : questions) all += " -p " + question;
      const auto saved = answers("--kv kv -n 8 -e --chunk 100 -t 1" + all);
      ASSERT_EQ(saved.size(), questions.size());
      for (size_t k = 0; k < questions.size(); ++k) {
        const auto fresh =
            answers("-f " + kHarbour + " -n 8 -e -p " + questions[k] + " --precision " + precision + cache);
        EXPECT_EQ(saved[k]["logits_digest"], fresh[0]["logits_digest"]) << questions[k];
        EXPECT_EQ(saved[k]["text"], fresh[0]["text"]);
        EXPECT_EQ(saved[k]["prompt_tokens"], fresh[0]["prompt_tokens"]);
        EXPECT_EQ(saved[k]["kv"]["logical_bytes"], fresh[0]["kv"]["logical_bytes"]);
        EXPECT_EQ(fresh[0]["timings"]["cache_n"], 0);
        const size_t reused = saved[k]["timings"]["cache_n"], read = saved[k]["timings"]["prompt_n"];
        EXPECT_EQ(reused + read, fresh[0]["timings"]["prompt_n"]);
        EXPECT_GT(reused, 550U);
      }
      EXPECT_EQ(saved[0]["text"], "5283.");
    }
  }
}

TEST_F(CliKv, QuestionsComeFromAFileOrAPipeOneALine) {
  prefill("-f " + kHarbour);
  cli_.write("q", "Question: Selo?\r\n\nQuestion: Nori?");
  const auto expected = cli_.run("run -q --kv kv -n 4 -p 'Question: Selo?' -p 'Question: Nori?'");
  EXPECT_EQ(expected.exit_code, 0) << expected.err;
  EXPECT_EQ(expected.out.find("==> \"Question: Selo?\" <==\n"), 0U) << expected.out;
  EXPECT_EQ(cli_.run("run -q --kv kv -n 4 --questions q").out, expected.out);
  EXPECT_EQ(cli_.shell("cat q | \"$P\" run -q --kv kv -n 4 --questions -").out, expected.out);
  // What is piped in is not the document: a loop over questions may hold standard input.
  EXPECT_EQ(cli_.shell("cat q | \"$P\" run -q --kv kv -n 4 -p 'Question: Selo?' -p 'Question: Nori?'").out,
            expected.out);
}

TEST_F(CliKv, AWholePromptIsMatchedByItsTokens) {
  cli_.write("doc", "One day a small boat came into the harbour.");
  cli_.write("more", "One day a small boat came into the harbour. And so on.");
  cli_.write("other", "One day a large boat came into the harbour.");
  prefill("-f doc --precision f32");
  for (const char* file : {"doc", "more"}) {
    const auto saved = answers(fmt::format("--kv kv -f {} -p Why? -n 4", file));
    EXPECT_EQ(saved[0]["logits_digest"],
              answers(fmt::format("-f {} -p Why? -n 4 --precision f32", file))[0]["logits_digest"]);
    EXPECT_GT(saved[0]["timings"]["cache_n"], 30);
  }
  refuse("run -q --kv kv -f other -p Why?", 3, "agrees with only the first 10 of them");
  // No question at all continues the text.
  EXPECT_EQ(answers("--kv kv -n 4")[0]["logits_digest"], answers("-f doc -n 4 --precision f32")[0]["logits_digest"]);
  const auto said = cli_.run("run --kv kv -p Why? -n 2");
  EXPECT_NE(said.err.find(" from the cache file"), std::string::npos) << said.err;
}

TEST_F(CliKv, AChatTemplateIsRemembered) {
  cli_.set_model("");
  copy_toy("chat");
  cli_.write("chat/chat_template.jinja",
             "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<|endoftext|>answer:");
  cli_.write("doc", "A document about QUESTION marks, and boats that came into the harbour");
  prefill("-m chat -f doc -sys 'Be brief.' --precision f32");
  const auto fresh = answers("-m chat -f doc -sys 'Be brief.' --precision f32 -p Why? -n 3");
  EXPECT_EQ(answers("--kv kv -p Why? -n 3")[0]["logits_digest"], fresh[0]["logits_digest"]);
  EXPECT_EQ(answers("--kv kv -f doc -sys 'Be brief.' -p Why? -n 3")[0]["logits_digest"], fresh[0]["logits_digest"]);
  refuse("run -q --kv kv -f doc -p Why?", 3, "another text, template or system prompt");
  refuse("run -q --kv kv -sys 'Be brief.' -p Why?", 2, "no effect on the text that kv holds");
  refuse("run -q --kv kv --raw -p Why?", 2, "no effect");
  cli_.write("chat/chat_template.jinja", "{% for m in messages %}{{ m.role }}{% endfor %}");
  refuse("prefill -q -m chat -f doc -o kv2", 2, "template changes the text");
  cli_.write("chat/chat_template.jinja", "{% for m in messages %}{{ m.content }}{{ m.content }}{% endfor %}");
  refuse("prefill -q -m chat -f doc -o kv2", 2, "template changes the text");
}

TEST_F(CliKv, TheFileSaysHowItWasMadeAndOtherFlagsAreRefused) {
  prefill("-f " + kHarbour + kPod + " --precision f32");
  EXPECT_EQ(answers("--kv kv -p x -n 1" + kPod + " --precision f32 -m " + kToy)[0]["kv"]["cache"], "pod");
  EXPECT_EQ(answers("--kv kv -p x -n 1")[0]["precision"], "f32");
  refuse("run -q --kv kv -p x --precision f64", 2, "f32");  // f64 keeps f64 only
  refuse("run -q --kv kv -p x --precision f64 -ctk f64 -ctv f64", 3, "saved with --precision f32, not f64");
  refuse("run -q --kv kv -p x --precision fast", 3, "kv: was saved with --precision f32, not fast");
  refuse("run -q --kv kv -p x --cache dense", 3, "saved with --cache pod, not dense");
  refuse("run -q --kv kv -p x --cache pod --map " + kToy + "/map-uniform.json", 3, "another sharing map");
  refuse("run -q --kv kv -p x --cache pod --map " + kToy + "/map-damage.json --ns 4 --nr 65", 3, "another sharing map");
  refuse("run -q -p x --questions kv", 2, "no effect without --kv");
  refuse("run -q -p x -p y", 2, "several questions need a saved document");
  refuse("run -q --kv kv --questions /dev/null", 2, "holds no questions");
  refuse("run -q --kv kv -p x -n 1490", 4, "do not fit");
  prefill("-f " + kHarbour + " -ctk f16");
  refuse("run -q --kv kv -p x -ctk f32", 3, "keys in F16, not F32");
  refuse("run -q --kv kv -p x -ctv f32", 3, "values in BF16, not F32");
  prefill("-f " + kHarbour + " --weights int8 -ctk q8_0 -ctv q8_0");
  const std::string fresh =
      cli_.run("run -q -f " + kHarbour + " -e -p " + kSelo + " --weights int8 -ctk q8_0 -ctv q8_0").out;
  EXPECT_EQ(cli_.run("run -q -e --kv kv -p " + std::string(kSelo)).out, fresh);
  EXPECT_EQ(fresh, "5283.\n");
  refuse("run -q --kv kv -p x --weights stored", 3, "saved with --weights int8, not stored");
  refuse("run -q --kv kv -p x -ctk bf16", 3, "keys in Q8_0, not BF16");
}

TEST_F(CliKv, AnotherModelIsRefused) {
  cli_.set_model("");
  copy_toy("m");
  prefill("-m m -f " + kHarbour);
  test::write_tiny_model(cli_.path("tiny"), {});
  std::filesystem::copy(kToy + "/tokenizer.json", cli_.path("tiny/tokenizer.json"));
  refuse("run -q --kv kv -m tiny -p x", 3, "kv: was saved with other weights than tiny has");
  std::string text = cli_.read("m/tokenizer.json");
  cli_.write("m/tokenizer.json", text + "\n");
  refuse("run -q --kv kv -p x", 3, "another tokenizer");
  cli_.write("m/tokenizer.json", text);
  text = cli_.read("m/config.json");
  const size_t at = text.find("\"rope_theta\": 1");
  ASSERT_NE(at, std::string::npos);
  cli_.write("m/config.json", text.substr(0, at + 15) + "1" + text.substr(at + 15));
  refuse("run -q --kv kv -p x", 3, "another rotation (RoPE)");
  std::filesystem::remove_all(cli_.path("m"));
  refuse("run -q --kv kv -p x", 3, "say with -m where it is");
  EXPECT_EQ(answers("--kv kv -p x -n 1 -m " + kToy).size(), 1U);
}

TEST_F(CliKv, DamagedFilesAreRefused) {
  prefill("-f " + kHarbour);
  const std::string whole = cli_.read("kv");
  for (const size_t size :
       {size_t{0}, size_t{5}, size_t{8}, size_t{100}, size_t{6000}, whole.size() / 2, whole.size() - 1}) {
    cli_.write("cut", whole.substr(0, size));
    refuse("run -q --kv cut -p x", 3, "cut: ");
    EXPECT_EQ(cli_.read("cut").size(), size) << "nothing is written where a cache is read";
  }
  refuse("run -q --kv absent -p x", 3, "absent");
  refuse("run -q --kv " + kToy + "/model.safetensors -p x", 3, "not a cache file");
}

TEST_F(CliKv, WhatCannotBeSavedLeavesTheOldFile) {
  cli_.write("kv", "old");
  cli_.write("short", "a");
  cli_.write("empty", "");
  refuse("prefill -q -f short -o kv", 2, "too short");
  refuse("prefill -q -f empty -o kv", 2, "nothing to read");
  refuse("prefill -q -o kv", 2, "nothing to read");
  refuse("prefill -q -f " + kHarbour, 2, "--output");
  refuse("prefill -q -f " + kHarbour + " -c 100 -o kv", 4, "100 tokens");
  refuse("prefill -q -f " + kHarbour + " -o no/such/folder/kv", 7, "no/such/folder/kv");
  refuse("prefill -q -f " + kHarbour + " -o /dev/full", 7, "/dev/full");
  const auto full = cli_.shell("trap '' XFSZ; ulimit -f 64; \"$P\" prefill -q -f " + kHarbour + " -o kv");
  EXPECT_EQ(full.exit_code, 7) << full.err;
  EXPECT_EQ(cli_.read("kv"), "old");
  for (const auto& entry : std::filesystem::directory_iterator(cli_.path(""))) {
    EXPECT_EQ(entry.path().filename().string().find(".kv"), std::string::npos) << entry.path();
  }
  prefill("-f " + kHarbour);
  EXPECT_GT(cli_.read("kv").size(), 1000U);
}

// Killed at any moment, most of all while it writes 16 MiB, it leaves the old file, the new one, or, under a new name,
// none.
TEST_F(CliKv, AKillWhileSavingLeavesTheOldFileOrNone) {
  std::string text;
  while (text.size() < 1900) text += cli_.read(kHarbour);
  cli_.write("doc", text.substr(0, 1900));
  const auto start = std::chrono::steady_clock::now();
  prefill("-f doc --precision f64 -t 1", "complete");
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::string complete = cli_.read("complete");
  size_t n_killed = 0;
  for (const double moment : {0.4, 0.8, 0.9, 1.0, 1.1}) {
    const double delay = seconds * moment;
    cli_.write("kv", "old");
    std::filesystem::remove(cli_.path("fresh"));
    for (const char* name : {"kv", "fresh"}) {
      const auto result = cli_.shell(fmt::format(
          "\"$P\" prefill -q -t 1 -f doc --precision f64 -o {} & sleep {:.3f}; kill -9 $!; wait $!", name, delay));
      if (result.exit_code == 137) ++n_killed;
    }
    const std::string kv = cli_.read("kv");
    EXPECT_TRUE(kv == "old" || kv == complete) << kv.size() << " bytes after " << delay << " s";
    if (std::filesystem::exists(cli_.path("fresh"))) {
      EXPECT_EQ(cli_.read("fresh"), complete) << delay << " s";
    }
  }
  EXPECT_GT(n_killed, 0U);
}

}  // namespace
}  // namespace proxima
