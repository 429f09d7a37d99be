// SPDX-License-Identifier: MIT
// Files of the benchmarks in miniature, as their authors lay them out, and the command with the bundled model.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/eval/benchmark.h"
#include "test/cli.h"
#include "test/expect_error.h"

namespace proxima {
namespace {

using nlohmann::json;
using test::expect_error;

class BenchmarkFiles : public ::testing::Test {
 protected:
  std::string write(const std::string& name, const std::vector<json>& lines) const {
    std::string text;
    for (const json& line : lines) text += line.dump() + "\n";
    test::write_text(folder_.path() / name, text);
    return (folder_.path() / name).string();
  }
  test::TemporaryFolder folder_;
};

json longbench_line(const std::string& set, const json& answers) {
  return {{"dataset", set}, {"context", "c"}, {"input", "q"},           {"answers", answers},
          {"length", 5000}, {"_id", "x"},     {"all_classes", nullptr}, {"language", "en"}};
}

TEST_F(BenchmarkFiles, LongBenchScoresAsItsSetsSay) {
  const auto score = [&](const json& line, const std::string& prediction) {
    const auto file = read_longbench(write("x.jsonl", {line}));
    return file.items.at(0).score(prediction);
  };
  EXPECT_EQ(score(longbench_line("hotpotqa", {"no", "the cat"}), "Cat."), 1);  // the best of the answers
  EXPECT_DOUBLE_EQ(score(longbench_line("hotpotqa", {"cat"}), "cat\nand more"), 0.5);
  EXPECT_EQ(score(longbench_line("triviaqa", {"cat"}), "\n\ncat\nand more"), 1);  // the first line only
  EXPECT_NEAR(score(longbench_line("qmsum", {"a b c"}), "a b c"), 1, 1e-7);
  EXPECT_EQ(score(longbench_line("passage_count", json::array({7})), "7"), 1);
  EXPECT_EQ(score(longbench_line("passage_retrieval_en", {"Paragraph 3"}), "Paragraph 3"), 1);
  EXPECT_EQ(score(longbench_line("lcc", {"x = 1"}), "# c\nx = 1\n"), 1);
  json trec = longbench_line("trec", {"Food"});
  trec["all_classes"] = {"Food", "Colour"};
  EXPECT_EQ(score(trec, "Food\nColour"), 1);
  const auto samsum = read_longbench(write("x.jsonl", {longbench_line("samsum", {"a"})})).items.at(0);
  EXPECT_FALSE(samsum.chat);
  EXPECT_TRUE(samsum.rules.stop_at_newline);
  EXPECT_EQ(samsum.rules.n_at_least, 1U);
  EXPECT_EQ(samsum.rules.n_predict, 128U);
  EXPECT_EQ(samsum.bucket, "4-8k");
}

TEST_F(BenchmarkFiles, LevalSplitsDocumentsIntoQuestions) {
  const auto exam = read_leval(write("coursera.jsonl", {{{"instructions", {"q1", "q2"}},
                                                         {"outputs", {"AB", "C"}},
                                                         {"input", "doc"},
                                                         {"source", "s"},
                                                         {"evaluation", "exam"}}}));
  ASSERT_EQ(exam.items.size(), 2U);
  EXPECT_EQ(exam.items[0].score("A"), 0.25);
  EXPECT_EQ(exam.items[1].fields.at("question"), "q2");
  EXPECT_EQ(exam.items[1].templates, (std::vector<std::string>{"coursera", "closed"}));
  const auto open = read_leval(
      write("tv_show_summ.jsonl",
            {{{"instructions", {"q"}}, {"outputs", {"one two three"}}, {"input", "doc"}, {"evaluation", "rouge"}},
             {{"instructions", {"a", "b"}}, {"outputs", {"c", "d"}}, {"input", "doc"}, {"evaluation", "human"}}}));
  ASSERT_EQ(open.items.size(), 1U);
  EXPECT_EQ(open.n_dropped, 2U);
  EXPECT_EQ(open.items[0].fields.at("length"), "3");
  EXPECT_EQ(open.items[0].score("one two three"), 1);
  const auto facts = read_leval(write(
      "sci_fi.jsonl",
      {{{"instructions", {"q"}}, {"outputs", {"True [fact: False]"}}, {"input", "doc"}, {"evaluation", "exam"}}}));
  ASSERT_EQ(facts.items.size(), 2U);
  EXPECT_EQ(facts.items[0].score("true"), 1);
  EXPECT_EQ(facts.items[1].score("true"), 0);
  EXPECT_EQ(facts.items[1].fields.at("context"), "");
}

TEST_F(BenchmarkFiles, MissingFieldsAreNamedWithFileAndLine) {
  const auto expect = [&](auto read, const std::string& name, json line, const char* key, const std::string& part) {
    if (key != nullptr) line.erase(key);
    const std::string path = write(name, {line});
    expect_error(ErrorKind::kInput, part, [&] { read(path); });
    expect_error(ErrorKind::kInput, name, [&] { read(path); });
  };
  const json good = longbench_line("hotpotqa", {"a"});
  for (const char* key : {"dataset", "context", "input", "answers"}) {
    expect(read_longbench, "x.jsonl", good, key, "x.jsonl:1: needs a");
  }
  expect(read_longbench, "x.jsonl", longbench_line("nope", {"a"}), nullptr, "none of LongBench's");
  expect(read_longbench, "x.jsonl", longbench_line("dureader", {"a"}), nullptr, "segmenter");
  expect(read_longbench, "x.jsonl", longbench_line("trec", {"a"}), nullptr, "all_classes");
  expect(read_longbench, "x.jsonl", longbench_line("passage_retrieval_en", {"a"}), nullptr, "names no");
  const json exam = {{"instructions", {"q"}}, {"outputs", {"A"}}, {"input", "d"}, {"evaluation", "exam"}};
  for (const char* key : {"instructions", "outputs", "input", "evaluation"}) {
    expect(read_leval, "quality.jsonl", exam, key, "quality.jsonl:1: needs a");
  }
  json uneven = exam;
  uneven["outputs"] = {"A", "B"};
  expect(read_leval, "quality.jsonl", uneven, nullptr, "1 instructions and 2 outputs");
  uneven["evaluation"] = "taste";
  uneven["outputs"] = {"A"};
  expect(read_leval, "quality.jsonl", uneven, nullptr, "taste");
  const json choice = {{"context", "c"}, {"input", "q"}, {"answer", {"x"}}, {"options", {"w", "x"}}};
  EXPECT_EQ(read_infinitebench(write("longbook_choice_eng.jsonl", {choice})).items[0].score("B"), 1);
  for (const char* key : {"context", "input", "answer", "options"}) {
    expect(read_infinitebench, "longbook_choice_eng.jsonl", choice, key, "longbook_choice_eng.jsonl:1: needs a");
  }
  json other = choice;
  other["answer"] = "y";
  expect(read_infinitebench, "code_debug.jsonl", other, nullptr, "none of at most 4");
  expect(read_infinitebench, "what.jsonl", choice, nullptr, "which of InfiniteBench's");
  test::write_text(folder_.path() / "passkey.jsonl", "{\"context\": \n");
  expect_error(ErrorKind::kInput, "passkey.jsonl:1",
               [&] { read_infinitebench((folder_.path() / "passkey.jsonl").string()); });
}

class TasksCommand : public ::testing::Test {
 protected:
  TasksCommand() {
    std::string lines;
    for (const auto& [document, name, number] :
         {std::tuple("harbour", "Selo", "5283"), std::tuple("orchard", "Bodi", "1647")}) {
      const std::string text =
          test::read_text(std::string(PROXIMA_SOURCE_DIR "/data/toy/samples/") + document + ".txt");
      lines +=
          json{{"id", 0}, {"context", text}, {"input", name}, {"answer", {number}}, {"options", json::array()}}.dump();
      lines += "\n";
    }
    cli_.write("passkey.jsonl", lines);
    cli_.write("t.json", R"({"passkey": "{context}\nQuestion: {input}?\nAnswer: {input} "})");
  }
  const std::string command_ = "eval tasks -q --benchmark infinitebench --data passkey.jsonl --templates t.json ";
  test::Cli cli_;
};

TEST_F(TasksCommand, AsksScoresAndGoesOn) {
  const std::string map = PROXIMA_SOURCE_DIR "/data/toy/map-";
  for (const auto& [cache, score] :
       {std::pair(std::string(), 100), std::pair("--cache pod --map " + map + "damage.json", 100),
        std::pair("--cache pod --map " + map + "uniform.json", 0)}) {
    for (const char* select_with : {"question", "context"}) {
      const auto result = cli_.run(command_ + "--json -o r.jsonl --select-with " + select_with + " " + cache);
      ASSERT_EQ(result.exit_code, 0) << result.err;
      const json summary = json::parse(result.out);
      EXPECT_EQ(summary["average"], score) << cache;
      EXPECT_EQ(summary["sets"]["passkey"]["n"], 2);
      EXPECT_EQ(summary["settings"]["select_with"], select_with);
    }
  }
  const std::string log = cli_.read("r.jsonl");
  EXPECT_EQ(std::ranges::count(log, '\n'), 6 * 3);
  EXPECT_EQ(cli_.run(command_ + "-o r.jsonl").exit_code, 0);
  EXPECT_EQ(cli_.read("r.jsonl"), log);
}

TEST_F(TasksCommand, CutsAreReported) {
  const json summary = json::parse(cli_.run(command_ + "--json --max-prompt 400 -o r.jsonl").out);
  EXPECT_EQ(summary["sets"]["passkey"]["truncated"], 2);
  const std::string log = cli_.read("r.jsonl");
  const json result = json::parse(log.substr(log.find('\n') + 1, log.find('\n', log.find('\n') + 1) - log.find('\n')));
  EXPECT_EQ(result["result"]["prompt_tokens"], 400);
  const size_t whole = std::filesystem::file_size(PROXIMA_SOURCE_DIR "/data/toy/samples/harbour.txt");
  const size_t frame = std::string("\nQuestion: Selo?\nAnswer: Selo ").size();
  EXPECT_EQ(result["result"]["truncated_tokens"], whole + frame - 400);
}

TEST_F(TasksCommand, LevalLosesWordsOfTheDocument) {
  std::string document;
  for (int i = 0; i < 300; ++i) document += "word" + std::to_string(i) + " ";
  cli_.write("codeU.jsonl",
             json{{"instructions", {"q"}}, {"outputs", {"1"}}, {"input", document}, {"evaluation", "exam"}}.dump());
  cli_.write("t.json", R"({"closed": "{context}|{question}"})");
  const auto result =
      cli_.run("eval tasks -q --json --benchmark leval --data codeU.jsonl --templates t.json -o r.jsonl");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::string log = cli_.read("r.jsonl");
  const json kept = json::parse(log.substr(log.find('\n') + 1))["result"];
  // The context of 2048 less 512 new tokens; the document at most 2048 - 512, and whole words only.
  EXPECT_LE(kept["prompt_tokens"], 1536);
  EXPECT_GT(kept["prompt_tokens"], 1536 - 10);
  EXPECT_EQ(kept["truncated_tokens"].get<size_t>() + kept["prompt_tokens"].get<size_t>(), document.size() + 2);
}

TEST_F(TasksCommand, BadInput) {
  const auto expect = [&](const std::string& arguments, int exit_code, const std::string& part) {
    const auto result = cli_.run("eval tasks -q " + arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    EXPECT_NE(result.err.find(part), std::string::npos) << result.err << "\nlacks: " << part;
    EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
  };
  expect("", 2, "--benchmark");
  expect("--benchmark leval", 2, "--data");
  expect("--benchmark infinitebench --data passkey.jsonl", 2, "--templates");
  expect("--benchmark infinitebench --data none.jsonl --templates t.json", 3, "none.jsonl");
  expect("--benchmark infinitebench --data passkey.jsonl --templates none.json", 3, "none.json");
  expect("--benchmark infinitebench --data passkey.jsonl --data ./passkey.jsonl --templates t.json", 2, "two files");
  cli_.write("bad.json", R"({"passkey": "{context} {nothing}"})");
  expect("--benchmark infinitebench --data passkey.jsonl --templates bad.json", 3, "{nothing}");
  cli_.write("bad.json", R"({"other": "{context}"})");
  expect("--benchmark infinitebench --data passkey.jsonl --templates bad.json", 3, "has no template \"passkey\"");
  expect("--benchmark infinitebench --data passkey.jsonl --templates t.json -o none/r.jsonl", 7, "none/r.jsonl");
  expect("--benchmark infinitebench --data passkey.jsonl --templates t.json --max-prompt 1", 4, "does not fit 1");
  expect(
      "--benchmark infinitebench --data passkey.jsonl --templates t.json --min-score 100 --cache pod "
      "--map " PROXIMA_SOURCE_DIR "/data/toy/map-uniform.json",
      1, "below --min-score 100");
}

}  // namespace
}  // namespace proxima
