// SPDX-License-Identifier: MIT
// RULER's samples against the description of its tasks: what is hidden, how often, where, and what is asked.
#include "apps/eval/ruler.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/eval/answer_metrics.h"
#include "apps/eval/ruler_niah.h"
#include "apps/eval/word_lists.h"
#include "apps/eval/words.h"
#include "test/cli.h"
#include "test/expect_error.h"

namespace proxima {
namespace {

using nlohmann::json;
using test::expect_error;

size_t count_of(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t pos = text.find(part); pos != std::string::npos; pos = text.find(part, pos + 1)) ++n;
  return n;
}

RulerSources essay() {
  RulerSources sources;
  RandomStream random(1, "essay");
  for (int i = 0; i < 300; ++i) {
    for (const std::string& word : split_words(random_sentence(random))) sources.essay_words.push_back(word);
  }
  return sources;
}

RulerSample sample_of(std::string_view task, size_t size, size_t length = 4096, uint64_t seed = 42) {
  return ruler_sample(task, size, length, 0, essay(), RandomStream(seed, "test"));
}

TEST(Ruler, NeedlesOfAllEightTasks) {
  for (const std::string_view name : kRulerTasks) {
    if (!name.starts_with("niah")) continue;
    const NiahTask task = niah_task(name);
    for (uint64_t seed = 0; seed < 5; ++seed) {
      const RulerSample sample = sample_of(name, 100, 4096, seed);
      SCOPED_TRACE(std::string(name));
      EXPECT_EQ(sample.outputs.size(), task.n_queries * task.n_values);
      const std::string context = sample.text.substr(0, sample.context_bytes);
      const std::string question = sample.text.substr(sample.context_bytes);
      for (const std::string& output : sample.outputs) {
        EXPECT_EQ(count_of(context, " is: " + output + "."), 1U) << output;
        EXPECT_EQ(count_of(question, output), 0U);
        if (task.value == NiahType::kNumbers) {
          EXPECT_TRUE(output.size() == 7 && output[0] != '0') << output;
        }
        if (task.value == NiahType::kUuids) {
          EXPECT_TRUE(output.size() == 36 && output[14] == '4') << output;
        }
      }
      const size_t n_needles = count_of(context, "One of the special magic ");
      const size_t n_own = std::max(task.n_keys, task.n_queries) * task.n_values;
      EXPECT_EQ(n_needles, task.haystack == NiahHaystack::kNeedle ? n_own + 100 : n_own);
      if (task.haystack == NiahHaystack::kRepeat) {
        EXPECT_EQ(count_of(context, std::string(noise_line())), 100U);
      }
      EXPECT_EQ(sample.text.find("does the text name for") > sample.context_bytes, true);
      // The model's perfect answer, and nothing at all.
      std::string perfect;
      for (const std::string& output : sample.outputs) perfect += output + ", ";
      EXPECT_EQ(match_all(perfect, sample.outputs), 1);
      EXPECT_EQ(match_all("none", sample.outputs), 0);
    }
  }
}

TEST(Ruler, TheSameSeedGivesTheSameSample) {
  for (const std::string_view task : kRulerTasks) {
    if (task.starts_with("qa")) continue;
    EXPECT_EQ(sample_of(task, 60).text, sample_of(task, 60).text) << task;
    EXPECT_NE(sample_of(task, 60).text, sample_of(task, 60, 4096, 43).text) << task;
  }
}

TEST(Ruler, VariablesAreTrackedByFollowingTheText) {
  const RulerSample sample = sample_of("vt", 40);
  ASSERT_EQ(sample.outputs.size(), 5U);
  // A slow reader: from the last task text on, line by line.
  const std::string task = sample.text.substr(sample.text.rfind("Follow the assignments"));
  std::map<std::string, std::string> values;
  for (const std::string& line : split_at(task, '\n')) {
    const auto words = split_words(line);
    if (words.size() < 4 || words[0] != "VAR") continue;
    values[words[1]] = words[3] == "VAR" ? values.at(words.at(4)) : words[3];
  }
  ASSERT_EQ(values.size(), 5U);
  const std::string number = values.begin()->second;
  EXPECT_EQ(number.size(), 5U);
  for (const std::string& name : sample.outputs) EXPECT_EQ(values.at(name), number);
  EXPECT_NE(task.find("hold the number " + number), std::string::npos);
  EXPECT_EQ(count_of(task, std::string(noise_line())), 40U);
  EXPECT_NE(sample.answer_begin.find("5 variables"), std::string::npos);
}

TEST(Ruler, CommonWordsComeMoreOften) {
  for (const size_t length : {size_t{4096}, size_t{2048}}) {
    const RulerSample sample = sample_of("cwe", 350, length);
    const std::string list = sample.text.substr(sample.text.rfind("\n1. ") + 1);
    std::map<std::string, size_t> counts;
    size_t expected_number = 1;
    const auto words = split_words(list.substr(0, list.find('\n')));
    for (size_t i = 0; i + 1 < words.size(); i += 2) {
      EXPECT_EQ(words[i], std::to_string(expected_number++) + ".");
      ++counts[words[i + 1]];
    }
    ASSERT_EQ(sample.outputs.size(), 10U);
    EXPECT_EQ(counts.size(), 350U);
    const std::set<std::string> common(sample.outputs.begin(), sample.outputs.end());
    for (const auto& [word, count] : counts) {
      const bool is_short = length < 4096;
      EXPECT_EQ(count, common.contains(word) ? (is_short ? 6U : 30U) : (is_short ? 1U : 3U)) << word;
    }
  }
}

TEST(Ruler, FrequentWordsFollowZeta) {
  const RulerSample sample = sample_of("fwe", 1000, 4096);
  std::map<std::string, size_t> counts;
  const std::string coded = sample.text.substr(sample.text.find('\n') + 1);
  for (const std::string& word : split_words(coded.substr(0, coded.find('\n')))) ++counts[word];
  // floor(1000 / (r^2 1.644934))
  EXPECT_EQ(counts["..."], 607U);
  ASSERT_EQ(sample.outputs.size(), 3U);
  EXPECT_EQ(counts[sample.outputs[0]], 151U);
  EXPECT_EQ(counts[sample.outputs[1]], 67U);
  EXPECT_EQ(counts[sample.outputs[2]], 37U);
}

TEST(Ruler, QuestionsComeAmongOtherDocuments) {
  const test::TemporaryFolder folder;
  const std::string squad = (folder.path() / "squad.json").string();
  const std::string hotpot = (folder.path() / "hotpot.json").string();
  test::write_text(squad, R"({"data": [{"paragraphs": [
      {"context": "The mill is red.", "qas": [{"question": "What colour?", "answers": [{"text": "red"}, {"text": "Red"}]},
                                              {"question": "Unanswered?", "answers": []}]},
      {"context": "The barn is old.", "qas": []}, {"context": "The road is wide.", "qas": []}]}]})");
  test::write_text(
      hotpot, R"([{"question": "Who?", "answer": "Ann", "context": [["A", ["Ann is.", " Here."]], ["B", ["Bob."]]]}])");
  RulerSources sources;
  sources.questions = read_ruler_questions(squad, sources.documents);
  ASSERT_EQ(sources.questions.size(), 1U);
  EXPECT_EQ(sources.documents.size(), 3U);
  for (size_t size = 1; size <= 3; ++size) {
    const RulerSample sample = ruler_sample("qa_1", size, 4096, 5, sources, RandomStream(1, "x"));
    EXPECT_EQ(count_of(sample.text, "Document "), size);
    EXPECT_EQ(count_of(sample.text, "The mill is red."), 1U);
    EXPECT_EQ(sample.outputs, (std::vector<std::string>{"red", "Red"}));
  }
  sources.questions = read_ruler_questions(hotpot, sources.documents);
  EXPECT_EQ(sources.questions[0].documents[0], "A\nAnn is. Here.");
  EXPECT_EQ(sources.documents.size(), 2U);
  EXPECT_TRUE(ruler_any_answer_counts("qa_2"));
  for (const char* bad : {"{}", "[]", "[{}]", "{\"data\": [{}]}", "3", R"([{"question": 1}])"}) {
    test::write_text(squad, bad);
    expect_error(ErrorKind::kInput, "squad.json", [&] { read_ruler_questions(squad, sources.documents); });
  }
}

TEST(Ruler, TheLargestSizeThatFits) {
  for (size_t border = 0; border < 60; ++border) {
    const auto fits = [&](size_t size) { return size <= border; };
    // A slow search: step by step.
    std::optional<size_t> expected;
    for (size_t size = 3; size <= border; size += 4) expected = size;
    EXPECT_EQ(largest_fitting({.first = 3, .step = 4}, fits), expected) << border;
  }
  EXPECT_EQ(largest_fitting({.first = 1, .step = 10, .most = 25}, [](size_t) { return true; }), size_t{21});
}

TEST(RulerCommand, RunsGoesOnAndRefuses) {
  const test::Cli cli;
  const std::string command = "eval ruler -q --json --lengths 1k --samples 2 -o r.jsonl --tasks niah_single_1,fwe";
  const auto result = cli.run(command);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json parsed = json::parse(result.out);
  EXPECT_EQ(parsed["scores"].size(), 2U);
  EXPECT_EQ(parsed["settings"]["seed"], 42);
  const std::string log = cli.read("r.jsonl");
  EXPECT_EQ(std::ranges::count(log, '\n'), 1 + 2 * 2);
  for (const std::string& line : split_at(log, '\n')) {
    if (line.find("niah") == std::string::npos) continue;
    EXPECT_LE(json::parse(line)["result"]["length"], 1024);
    EXPECT_GT(json::parse(line)["result"]["length"], 1024 - 150);  // a line of noise is about 105 bytes
  }
  EXPECT_EQ(cli.run(command).out, result.out);
  EXPECT_EQ(cli.read("r.jsonl"), log);
  const auto expect = [&](const std::string& flags, int exit_code, const std::string& part) {
    const auto failed = cli.run("eval ruler -q " + flags);
    EXPECT_EQ(failed.exit_code, exit_code) << failed.err;
    EXPECT_NE(failed.err.find(part), std::string::npos) << failed.err << "\nlacks: " << part;
    EXPECT_EQ(std::ranges::count(failed.err, '\n'), 1) << failed.err;
  };
  expect("", 2, "--lengths");
  expect("--lengths 1k --tasks nope", 2, "none of RULER's");
  expect("--lengths 1k --tasks qa_1", 2, "--squad");
  expect("--lengths 1k --tasks qa_2 --hotpot none.json", 3, "none.json");
  expect("--lengths 300 --tasks niah_single_1", 2, "does not fit 300 tokens");
  expect("--lengths 4k", 4, "context of 2048");
  expect("--lengths 1k --samples 1 --tasks fwe --min-score 50", 1, "below --min-score 50");
}

}  // namespace
}  // namespace proxima
