// SPDX-License-Identifier: MIT
// The program at its work, mostly with the model of data/toy.
#include "test/cli.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "apps/eval/word_lists.h"

namespace proxima {
namespace {

using nlohmann::json;

const std::string kSamples = PROXIMA_SOURCE_DIR "/data/toy/samples/";
const std::string kToy = PROXIMA_SOURCE_DIR "/data/toy/";

struct Question {
  const char* document;
  const char* name;
  const char* answer;
};
constexpr Question kQuestions[] = {
    {"harbour", "Selo", "5283."}, {"orchard", "Bodi", "1647."}, {"railway", "Rano", "9012."}};

std::string ask(const Question& question) {
  return "run -q -f " + kSamples + question.document + ".txt -e -p 'Question: " + question.name +
         "?\\nAnswer: " + question.name + " ' -n 16 ";
}

TEST(Cli, DemoQuestionsAreAnsweredRightWithTheDenseCache) {
  const test::Cli cli;
  for (const Question& question : kQuestions) {
    for (const char* flags : {"", "--precision f64 --chunk 100", "--precision f32 -t 1 --simd scalar"}) {
      const auto result = cli.run(ask(question) + flags);
      EXPECT_EQ(result.exit_code, 0) << result.err;
      EXPECT_EQ(result.out, std::string(question.answer) + "\n") << flags;
      EXPECT_EQ(result.err, "");
    }
  }
}

// The demo models, without a flag and adapted.
void expect_of_bundled_models(const test::Cli& cli, const std::string& command, const std::string& answer) {
  const std::string adapted = PROXIMA_SOURCE_DIR "/data/demo-adapted";
  for (const std::string& flags : {std::string(), " -m " + adapted + " --cache pod --map " + adapted + "/map.json"}) {
    const auto result = cli.run(command + flags);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.out, answer + "\n") << flags;
  }
}

// 3000 tokens, a note in the middle.
TEST(Cli, BundledModelsFindANoteInALongDocument) {
  test::Cli cli;
  cli.set_model("");
  std::string half;
  RandomStream random(1, "bundled");
  while (half.size() < 6500) half += random_sentence(random) + "\n";
  cli.write("doc", half + "Note: the number of the amber lantern is 4821.\n" + half);
  expect_of_bundled_models(cli, "run -q -f doc -n 8 -p 'What is the number of the amber lantern?'", "4821");
}

TEST(Cli, BundledModelsListAllNotesOfADocumentInOrder) {
  test::Cli cli;
  cli.set_model("");
  expect_of_bundled_models(
      cli, "run -q -f " PROXIMA_SOURCE_DIR "/data/samples/lighthouse.txt -p 'List all notes.' -n 100 --precision f32",
      "Note A frozen gate 7552. Note B wooden library 3136. Note C ancient bell 1031. Note D golden orchard 4470. "
      "Note E quiet copper 9205. Note F none.");
}

TEST(Cli, JsonHasTheWholeStory) {
  const test::Cli cli;
  const auto result = cli.run(ask(kQuestions[0]) + "--json --cache pod --map " + kToy + "map-damage.json");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json parsed = json::parse(result.out);
  EXPECT_EQ(parsed["text"], "5283.");
  EXPECT_EQ(parsed["finish_reason"], "stop");
  EXPECT_EQ(parsed["truncated_tokens"], 0);
  EXPECT_EQ(parsed["generation_tokens"], 5);
  EXPECT_EQ(parsed["timings"]["prompt_n"], parsed["prompt_tokens"]);
  EXPECT_EQ(parsed["logits_digest"].get<std::string>().size(), 16U);
  // methods: M = b d (L H T + sum of stored keys); 4 of 16 cells keep all keys, the others 68.
  const size_t n = parsed["kv"]["tokens"];
  EXPECT_EQ(n, parsed["prompt_tokens"].get<size_t>() + 5);
  EXPECT_EQ(parsed["kv"]["logical_bytes"], 2 * 32 * (8 * 2 * n + 4 * n + 12 * 68));
  EXPECT_EQ(parsed["kv"]["dense_bytes"], 2 * 2 * 32 * 8 * 2 * n);
}

TEST(Cli, PlanAndRunAgreeOnTheCache) {
  const test::Cli cli;
  const std::string cache = "--cache pod --map " + kToy + "map-uniform.json -ctk f16 -ctv f32 ";
  const json ran = json::parse(cli.run("run -q --json -p 'It was late and the' -n 300 " + cache).out);
  ASSERT_EQ(ran["finish_reason"], "length");
  const size_t n = ran["kv"]["tokens"];
  const json planned =
      json::parse(cli.run("plan --json --chunk 19 --tokens " + std::to_string(n) + " " + cache).out)["plans"][1];
  EXPECT_EQ(planned["kv_bytes"], ran["kv"]["logical_bytes"]);
  EXPECT_EQ(planned["kv_dense_bytes"], ran["kv"]["dense_bytes"]);
#ifndef __SANITIZE_ADDRESS__  // whose shadow memory no plan knows of
  EXPECT_GE(planned["peak_bytes"].get<size_t>(), ran["peak_rss_bytes"].get<size_t>());
#endif
}

TEST(Cli, DigestIsTheSameForThreadsChunksAndTargetsInF32AndF64) {
  const test::Cli cli;
  for (const std::string precision : {"f64", "f32"}) {
    std::string first;
    for (const char* flags : {"-t 1 --chunk 512", "-t 2 --chunk 7", "-t 2 --chunk 64 --simd scalar"}) {
      const auto result = cli.run(ask(kQuestions[1]) + "--json --precision " + precision + " " + flags);
      ASSERT_EQ(result.exit_code, 0) << result.err;
      const std::string digest = json::parse(result.out)["logits_digest"];
      if (first.empty()) first = digest;
      EXPECT_EQ(digest, first) << precision << " " << flags;
    }
  }
}

TEST(Cli, StreamsIntoAPipeWhileItWrites) {
  const test::Cli cli;
  // The reader notes when the first and when the last character arrives.
  const std::string count =
      " | { n=0; while IFS= read -r -N 1 c; do n=$((n + 1)); [ $n = 1 ] && date +%s%N; done; date +%s%N; echo $n; }";
  const auto result = cli.shell("\"$P\" run -q -p 'It was late and the' -n 300 --precision f64" + count);
  std::istringstream lines(result.out);
  long long first = 0;
  long long last = 0;
  size_t n = 0;
  lines >> first >> last >> n;
  EXPECT_GT(n, 200U) << result.out << result.err;
  EXPECT_GT(last - first, 5'000'000) << "nanoseconds between the first and the last character";
  const auto whole = cli.run("run -q -p 'It was' -n 50 --no-stream");
  EXPECT_EQ(whole.out, cli.run("run -q -p 'It was' -n 50").out);
}

TEST(Cli, TextComesFromFilesPipesAndFlags) {
  const test::Cli cli;
  cli.write("a.txt", "First.");
  cli.write("b.txt", "Second.\n");
  const auto tokens = [&](const std::string& command) {
    const auto result = cli.shell(command);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.exit_code == 0 ? json::parse(result.out)["prompt_tokens"].get<size_t>() : 0;
  };
  EXPECT_EQ(tokens("\"$P\" run -q --json -n 1 -f a.txt -f b.txt -p Third"), 6U + 1 + 8 + 5);
  EXPECT_EQ(tokens("cat a.txt | \"$P\" run -q --json -n 1 -p Third"), 6U + 1 + 5);
  EXPECT_EQ(tokens("\"$P\" run -q --json -n 1 -f b.txt -f - <a.txt"), 8U + 6);
  EXPECT_EQ(tokens("\"$P\" run -q --json -n 1 -p 'a\\nb'"), 4U);
  EXPECT_EQ(tokens("\"$P\" run -q --json -n 1 -e -p 'a\\nb'"), 3U);
}

TEST(Cli, SummarizeTakesSeveralDocuments) {
  const test::Cli cli;
  const std::string files = "-f " + kSamples + "harbour.txt -f " + kSamples + "orchard.txt ";
  const std::string rest = "-e -p 'Question: Selo?\\nAnswer: Selo ' -n 16";
  EXPECT_EQ(cli.run("summarize -q " + files + rest).out,
            "==> " + kSamples + "harbour.txt <==\n5283.\n==> " + kSamples + "orchard.txt <==\n1647.\n");
  std::istringstream lines(cli.run("summarize -q --json " + files + rest).out);
  for (const char* answer : {"5283.", "1647."}) {
    std::string line;
    ASSERT_TRUE(std::getline(lines, line));
    EXPECT_EQ(json::parse(line)["text"], answer);
  }
}

TEST(Cli, AChatTemplateIsAppliedUnlessRawIsAskedFor) {
  const test::Cli cli;
  std::filesystem::copy(PROXIMA_SOURCE_DIR "/data/toy", cli.path("chat"));
  cli.write("chat/chat_template.jinja",
            "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<|endoftext|>");
  cli.write("doc.txt", "A document.\n");
  cli.write("long.txt", std::string(3000, 'x'));
  const auto tokens = [&](const std::string& flags) {
    const auto result = cli.run(flags + " -q --json -m chat -n 1");
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.exit_code == 0 ? json::parse(result.out)["prompt_tokens"].get<size_t>() : 0;
  };
  EXPECT_EQ(tokens("run --raw -f doc.txt -p Why?"), 12U + 4);
  EXPECT_EQ(tokens("run -f doc.txt -p Why?"), 6U + 12 + 4 + 1);
  EXPECT_EQ(tokens("summarize -f doc.txt -p Why? -sys 'Be brief.'"), 8U + 9 + 6 + 12 + 4 + 1);
  EXPECT_EQ(tokens("summarize -f long.txt -p Why? --on-overflow middle"), 2047U);
}

TEST(Cli, CutsAreMadeOnlyOnRequestAndReported) {
  const test::Cli cli;
  cli.write("long.txt", std::string(2500, 'x') + "the end of it\n");
  for (const char* where : {"head", "tail", "middle"}) {
    const auto result = cli.run(std::string("summarize --json -f long.txt -p Why? -n 10 --on-overflow ") + where);
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const json parsed = json::parse(result.out);
    EXPECT_EQ(parsed["prompt_tokens"], 2038);
    EXPECT_EQ(parsed["truncated_tokens"], 2514 + 4 - 2038);
    EXPECT_NE(result.err.find("480 tokens of long.txt were cut away"), std::string::npos) << result.err;
  }
}

TEST(Cli, EnvironmentMirrorsFlagsAndAFlagWins) {
  const test::Cli cli;
  const auto from_environment =
      cli.run("run -v -p hello", "PROXIMA_PREDICT=3 PROXIMA_PRECISION=f32 PROXIMA_CACHE_TYPE_K=f32");
  EXPECT_NE(from_environment.err.find("--predict = 3 (PROXIMA_PREDICT)"), std::string::npos) << from_environment.err;
  EXPECT_NE(from_environment.err.find("answer 3 tokens"), std::string::npos) << from_environment.err;
  EXPECT_NE(from_environment.err.find("logits_digest"), std::string::npos);
  const auto flag = cli.run("run -v -p hello -n 2", "PROXIMA_PREDICT=3");
  EXPECT_NE(flag.err.find("--predict = 2 (flag)"), std::string::npos) << flag.err;
  EXPECT_NE(flag.err.find("--chunk = 512 (default)"), std::string::npos) << flag.err;
}

TEST(Cli, FlagsOfSeveralLettersWorkBehindOneDash) {
  const test::Cli cli;
  const json parsed = json::parse(cli.run("plan --json --tokens 100 -ctk f32 -ctv=f16").out);
  EXPECT_EQ(parsed["plans"][0]["kv_bytes"], 100 * 8 * 2 * 32 * (4 + 2));
}

TEST(Cli, PlanKnowsQuantizedWeightsAndCaches) {
  const test::Cli cli;
  const json all = json::parse(cli.run("plan --json --tokens 100 --weights int8 -ctk q8_0 -ctv q8_0").out);
  EXPECT_EQ(all.at("plans").at(0).at("kv_bytes"), 100 * 8 * 2 * 34 * 2);
  EXPECT_GT(all.at("int8_weights_bytes"), 0);
  EXPECT_LT(all.at("plans").at(0).at("weights_bytes"), 1 << 21);  // of 6 MiB in float
}

TEST(Cli, ProgressWithoutATerminalIsPlainLines) {
  const test::Cli cli;
  const size_t n = std::filesystem::file_size(kSamples + "harbour.txt");
  const std::string last = std::to_string(n) + "/" + std::to_string(n) + " tokens (100 %)";
  const auto plain = cli.run("run -f " + kSamples + "harbour.txt -n 1 --chunk 50 --progress plain");
  EXPECT_TRUE(std::ranges::all_of(plain.err, [](char c) { return c == '\n' || c >= ' '; })) << plain.err;
  EXPECT_NE(plain.err.find(last), std::string::npos) << plain.err;
  const auto as_json = cli.run("run -q -f " + kSamples + "harbour.txt -n 1 --chunk 50 --progress json");
  std::istringstream lines(as_json.err);
  std::string line;
  while (std::getline(lines, line)) EXPECT_EQ(json::parse(line)["total"], n);
  EXPECT_EQ(json::parse(as_json.err.substr(as_json.err.rfind('{')))["processed"], n);
  EXPECT_EQ(cli.run("run -q -f " + kSamples + "harbour.txt -n 1").err, "");
}

TEST(Cli, TokenizeAndTemplate) {
  const test::Cli cli;
  cli.write("doc.txt", "Caf\xc3\xa9\n");
  cli.write("chat.jinja", "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}");
  EXPECT_EQ(cli.run("tokenize -f doc.txt --count").out, "6\n");
  EXPECT_EQ(cli.shell("\"$P\" tokenize --ids <doc.txt").out, "67 97 102 195 169 10\n");
  EXPECT_EQ(cli.run("tokenize --decode -p '67 97 102 195 169'").out, "Caf\xc3\xa9");
  EXPECT_EQ(cli.shell("echo '{\"text\":\"ab\",\"add_special\":false}' | \"$P\" tokenize --jsonl").out,
            "{\"ids\":[97,98]}\n");
  EXPECT_EQ(cli.run("template --chat-template-file chat.jinja -p hi -sys brief").out, "<system>brief<user>hi");
}

TEST(Cli, VersionHelpAndInspect) {
  const test::Cli cli;
  EXPECT_NE(cli.run("--version").out.find("SIMD targets: scalar"), std::string::npos);
  for (const char* command :
       {"",         "run",      "summarize",   "prefill",    "plan",       "inspect",         "tokenize",
        "template", "dump",     "compare",     "selfcheck",  "synth",      "train-tokenizer", "eval",
        "eval ppl", "eval kld", "eval needle", "eval table", "eval ruler", "eval tasks"}) {
    const auto help = cli.run(std::string(command) + " --help");
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_NE(help.out.find("Usage: proxima"), std::string::npos) << help.out;
  }
  const json inspected = json::parse(cli.run("inspect --json --check --tensors").out);
  EXPECT_EQ(inspected["layers"], 8);
  EXPECT_EQ(inspected["eos_ids"], json({10}));
  EXPECT_EQ(inspected["tensors"].size(), 8U * 9 + 2);
}

TEST(Cli, SynthWritesAModelThatRuns) {
  const test::Cli cli;
  const auto made = cli.run(
      "synth -o m --layers 2 --hidden 64 --heads 4 --kv-heads 2 --head-dim 16 --intermediate 96 "
      "--vocab 600 --learn " +
      kSamples + "harbour.txt");
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const json ran = json::parse(cli.run("run -q --json -m m -n 4 -f " + kSamples + "harbour.txt").out);
  EXPECT_EQ(ran["generation_tokens"], 4);
  EXPECT_LT(ran["prompt_tokens"], 500);
}

}  // namespace
}  // namespace proxima
