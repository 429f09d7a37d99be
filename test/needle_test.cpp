// SPDX-License-Identifier: MIT
// Needles: where they go, what documents hold, and the command with the bundled model, which can find one.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "apps/eval/needle_report.h"
#include "apps/eval/needle_task.h"
#include "test/cli.h"
#include "test/expect_error.h"
#include "test/tiny_tokenizer.h"

namespace proxima {
namespace {

using nlohmann::json;
using test::expect_error;

TEST(Needle, GoesBackToBehindAPeriod) {
  const auto behind_period = [](size_t index) { return index == 3 || index == 7; };
  const auto insertion = [&](double depth) { return insertion_index(10, depth, behind_period); };
  EXPECT_EQ(insertion(0), 0U);
  EXPECT_EQ(insertion(20), 0U);  // index 2 stands before the period
  EXPECT_EQ(insertion(30), 3U);  // just behind it
  EXPECT_EQ(insertion(69), 3U);  // floor(6.9) = 6
  EXPECT_EQ(insertion(70), 7U);
  EXPECT_EQ(insertion(99), 7U);
  EXPECT_EQ(insertion(100), 10U);  // appended, period or not
  EXPECT_EQ(insertion_index(0, 50, behind_period), 0U);
}

class NeedleTaskTest : public ::testing::Test {
 protected:
  NeedleTaskTest() : session_(quiet()), tokenizer_(Tokenizer::open(session_.model().dir)) {}
  static CommonOptions quiet() {
    CommonOptions options;
    options.model = PROXIMA_SOURCE_DIR "/data/toy";
    options.quiet = true;
    return options;
  }
  static NeedleOptions small() {
    NeedleOptions options;
    options.lengths = {200, 400};
    options.depths = {0, 25, 50, 75, 100};
    options.style = toy_style();
    return options;
  }
  Session session_;
  Tokenizer tokenizer_;
};

TEST_F(NeedleTaskTest, OneQuestionForAllFactsIsAskedOnce) {
  NeedleOptions options = small();
  options.style = list_style();
  options.style.raw = true;
  options.n_facts = 5;
  options.n_predict = 3;
  NeedleTask task(session_, tokenizer_, options);
  const json results = json::parse(task.run(session_, task.documents()[1]).dump());
  ASSERT_EQ(results.size(), 5U);
  for (size_t fact = 0; fact < 5; ++fact) {
    EXPECT_EQ(results[fact]["expected"].get<std::string>().substr(0, 7), std::string("Note ") + "ABCDE"[fact] + " ");
    EXPECT_EQ(results[fact]["depth"], options.depths[fact]);
    EXPECT_EQ(results[fact]["response"], results[0]["response"]);
    EXPECT_EQ(results[fact]["generate_seconds"], results[0]["generate_seconds"]);
  }
  EXPECT_EQ(with_fact("{letter}", 25, "", ""), "Z");
  EXPECT_EQ(with_fact("{name}", 26, "x", ""), "x");
  expect_error(ErrorKind::kUsage, "26 facts", [] { with_fact("{letter}", 26, "", ""); });
}

TEST_F(NeedleTaskTest, TasksAskForFactsInTurn) {
  NeedleOptions options = small();
  options.n_facts = 5;
  options.n_repeats = 3;
  NeedleTask task(session_, tokenizer_, options);
  std::istringstream lines(task.tasks());
  size_t n_lines = 0;
  for (std::string line; std::getline(lines, line); ++n_lines) {
    const json parsed = json::parse(line);
    const std::string context = parsed["context"], answer = parsed["answer"];
    const json results = json::parse(task.run(session_, task.documents()[n_lines]).dump());
    EXPECT_EQ(results[n_lines % 5]["expected"], answer);
    EXPECT_TRUE(context.ends_with(results[n_lines % 5]["question"].get<std::string>())) << context;
    EXPECT_EQ(tokenizer_.encode(context).size(), results[n_lines % 5]["prompt_tokens"]);
    for (const json& result : results) EXPECT_NE(context.find(result["expected"].get<std::string>()), context.npos);
  }
  EXPECT_EQ(n_lines, 6U);
}

TEST_F(NeedleTaskTest, ATaskMayAskForAllFacts) {
  NeedleOptions options = small();
  options.style = list_style();
  options.style.raw = true;
  options.n_facts = 5;
  options.n_predict = 3;
  options.lengths = {400};
  NeedleTask task(session_, tokenizer_, options);
  const json parsed = json::parse(task.tasks());
  const json results = json::parse(task.run(session_, task.documents()[0]).dump());
  std::string all;
  for (const json& result : results) all += (all.empty() ? "" : " ") + result["expected"].get<std::string>();
  EXPECT_EQ(parsed["answer"], all + " Note F none.");
}

TEST_F(NeedleTaskTest, EveryCellIsInOneDocument) {
  NeedleOptions options = small();
  options.n_facts = 2;
  options.n_repeats = 3;
  const NeedleTask task(session_, tokenizer_, options);
  ASSERT_EQ(task.documents().size(), 2U * 3 * 3);
  EXPECT_EQ(task.documents()[0].depths, (std::vector<double>{0, 75}));
  EXPECT_EQ(task.documents()[1].depths, (std::vector<double>{25, 100}));
  EXPECT_EQ(task.documents()[2].depths, (std::vector<double>{50}));
  options.n_facts = 6;
  expect_error(ErrorKind::kUsage, "more than the 5 depths", [&] { NeedleTask(session_, tokenizer_, options); });
  options = small();
  options.lengths = {100000};
  expect_error(ErrorKind::kContext, "context of", [&] { NeedleTask(session_, tokenizer_, options); });
  options = small();
  options.n_facts = 2;
  options.style.needle = "The code is 12.";
  expect_error(ErrorKind::kUsage, "{name}", [&] { NeedleTask(session_, tokenizer_, options); });
  options = small();
  options.style.answer = "";
  expect_error(ErrorKind::kUsage, "--answer", [&] { NeedleTask(session_, tokenizer_, options); });
}

TEST_F(NeedleTaskTest, DocumentsAreAsLongAsAskedAndFound) {
  NeedleOptions options = small();
  options.n_predict = 8;
  NeedleTask task(session_, tokenizer_, options);
  double found = 0;
  for (const NeedleDocument& document : task.documents()) {
    const auto results = task.run(session_, document);
    ASSERT_EQ(results.size(), 1U);
    const size_t n_prompt = results[0]["prompt_tokens"];
    EXPECT_LE(n_prompt + 8, document.length);
    EXPECT_GE(n_prompt + 8 + 2, document.length);
    EXPECT_EQ(results[0]["expected"].get<std::string>().size(), 4U);
    found += results[0]["score"].get<double>();
  }
  EXPECT_GE(found, 9) << "of 10";
}

TEST_F(NeedleTaskTest, NeedlesAreSetOffFromTheTextAndEachOther) {
  const auto haystack = tokenizer_.encode("One is 2.5 here. Two goes on.\nThree ends", {.add_special = false});
  const std::vector<PlacedNeedle> needles = {{0, "A."}, {20, "B."}, {50, "C."}, {80, "D."}, {100, "E."}};
  const auto text = [&](const NeedleStyle& style) { return text_with_needles(tokenizer_, haystack, style, needles); };
  EXPECT_EQ(text(toy_style()), "A. B. One is 2.5 here. C. Two goes on. D.\nThree ends E.");
  EXPECT_EQ(text(note_style()), " A. B. One is 2.5 here. C. Two goes on. D.\nThree ends E.");
  EXPECT_EQ(text(book_style()), "\nA.\n\nB.\nOne is 2.5 here.\nC.\n Two goes on.\nD.\n\nThree ends\nE.\n");
}

TEST(Needle, BlanksOfTokensThatAreSpeltWithoutThem) {
  const Tokenizer tokenizer =
      Tokenizer::from_json(test::sentencepiece_tokenizer({{"e", "d"}}, "\u2581abcdehlorw.").dump());
  const auto haystack = tokenizer.encode("hello. world. edel", {.add_special = false});
  EXPECT_EQ(text_with_needles(tokenizer, haystack, note_style(), std::vector<PlacedNeedle>{{60, "A."}, {90, "B."}}),
            "hello. A. world. B. edel");
}

TEST_F(NeedleTaskTest, CopiesOfATextBeginAtOtherLines) {
  const test::Cli cli;
  std::string text;
  for (int line = 100; line < 200; ++line) text += fmt::format("Line {}.\n\n", line);
  cli.write("a.txt", text);
  Haystack haystack(tokenizer_, cli.path("").string(), 0);
  std::set<std::string> copies;
  for (size_t copy = 0; copy < 5; ++copy) {
    const auto ids = haystack.tokens(2000, copy);
    const std::string begin = tokenizer_.decode(ids).substr(0, 9);
    EXPECT_TRUE(begin.starts_with("Line ") && begin.ends_with(".")) << begin;
    copies.insert(begin);
  }
  EXPECT_EQ(copies.size(), 5U);
  EXPECT_EQ(tokenizer_.decode(haystack.tokens(9, 0)), "Line 100.");
}

TEST_F(NeedleTaskTest, ManyFactsOfOneDocumentAreAskedFromOneReading) {
  NeedleOptions options = small();
  options.lengths = {400};
  options.n_facts = 5;
  options.n_predict = 8;
  options.style = note_style();
  NeedleTask task(session_, tokenizer_, options);
  ASSERT_EQ(task.documents().size(), 1U);
  const auto results = task.run(session_, task.documents()[0]);
  ASSERT_EQ(results.size(), 5U);
  std::set<std::string> questions;
  for (const auto& result : results) questions.insert(result["question"].get<std::string>());
  EXPECT_EQ(questions.size(), 5U);
}

TEST(NeedleReport, CountsAgainstTheFirstCache) {
  NeedlePanel dense{"dense", {{1}}, {{1}}, {{1}}};
  NeedlePanel window{"window", {{1}}, {{1}}, {{1}}};
  for (size_t trial = 0; trial < 600; ++trial) {
    dense.found.push_back(trial >= 6);
    window.found.push_back(trial < 2 || trial >= 10);
  }
  const NeedleCounts counts = count_found(window, dense);
  EXPECT_EQ(counts.n_found, 592U);
  EXPECT_EQ(counts.n_lost, 4U);
  EXPECT_EQ(counts.n_gained, 2U);
  // Wilson's interval of 592 of 600 and Agresti and Min's of 2 against 4, by another program.
  EXPECT_NEAR(counts.share.low, 0.973913, 1e-6);
  EXPECT_NEAR(counts.share.high, 0.993229, 1e-6);
  EXPECT_NEAR(counts.difference.low, -0.0119321, 1e-7);
  EXPECT_NEAR(counts.difference.high, 0.0052876, 1e-7);
  EXPECT_EQ(counts_text(dense, dense), "594 of 600 facts: 99.0 % [97.8, 99.5]\n");
  EXPECT_EQ(counts_text(window, dense),
            "592 of 600 facts: 98.7 % [97.4, 99.3]; against dense: 4 lost, 2 gained, -0.3 points [-1.2, +0.5]\n");
  EXPECT_EQ(share_interval(0, 10).low, 0);
  EXPECT_EQ(share_interval(10, 10).high, 1);
}

TEST(NeedleReport, GridsAndPictures) {
  NeedleOptions options;
  options.lengths = {512, 1024, 2048};
  options.depths = {0, 100};
  const auto result = [](size_t length, double depth, double score) {
    return nlohmann::ordered_json{{"length", length}, {"depth", depth}, {"score", score}};
  };
  const std::vector<nlohmann::ordered_json> results = {
      {result(512, 0, 1), result(512, 100, 0)}, {result(512, 0, 0)}, {result(2048, 100, 1)}};
  const auto grid = needle_grid(options, results, "score");
  EXPECT_EQ(grid[0][0], 0.5);
  EXPECT_EQ(grid[1][0], 0);
  EXPECT_EQ(grid[1][2], 1);
  EXPECT_TRUE(std::isnan(grid[0][1]));
  EXPECT_DOUBLE_EQ(mean_of(grid), 0.5);
  const NeedlePanel panel{"a \"b\" <c>", grid, grid, grid};
  const std::string csv = needle_csv(options, {panel});
  EXPECT_TRUE(csv.starts_with("cache,length,depth,score,overlap,kv_share\n\"a \"\"b\"\" <c>\",512,0,0.5,0.5,0.5\n"))
      << csv;
  EXPECT_EQ(std::ranges::count(csv, '\n'), 7);
  const std::string text = needle_text(options, panel, 1024);
  EXPECT_NE(text.find("  512   1K |   2K\n"), std::string::npos) << text;
  EXPECT_NE(text.find("     0   50    - |    -\n"), std::string::npos) << text;
  const std::string svg = needle_svg(options, {panel, panel}, 1024);
  EXPECT_TRUE(svg.starts_with("<svg"));
  EXPECT_NE(svg.find("trained length 1024"), std::string::npos);
  EXPECT_EQ(svg.find("<c>"), std::string::npos);  // escaped
  EXPECT_EQ(needle_svg(options, {panel}, 2048).find("trained length"), std::string::npos);
}

TEST(NeedleCommand, TellsCachesApartAndGoesOn) {
  const test::Cli cli;
  const std::string toy = PROXIMA_SOURCE_DIR "/data/toy/";
  const std::string command =
      "eval needle -q --style toy --json --lengths 300,500 --depths 20,60 -n 8 --also pod:map=" + toy +
      "map-damage.json --also pod:map=" + toy + "map-uniform.json -o n.jsonl ";
  const auto result = cli.run(command + "--svg n.svg --csv n.csv");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json caches = json::parse(result.out)["caches"];
  ASSERT_EQ(caches.size(), 3U);
  EXPECT_EQ(caches[0]["score"], 1);
  EXPECT_EQ(caches[1]["score"], 1);
  EXPECT_LE(caches[2]["score"].get<double>(), 0.25);
  EXPECT_LT(caches[1]["kv_share"].get<double>(), 0.8);
  EXPECT_EQ(caches[1]["settings"]["select_with"], "question");
  EXPECT_EQ(caches[1]["settings"]["seed"], 0);
  EXPECT_TRUE(caches[1]["settings"].contains("map"));
  EXPECT_TRUE(cli.read("n.svg").starts_with("<svg"));
  EXPECT_EQ(std::ranges::count(cli.read("n.csv"), '\n'), 13);
  // Nothing is left to do, and nothing is done twice.
  const std::string log = cli.read("n.jsonl");
  EXPECT_EQ(cli.run(command).out, result.out);
  EXPECT_EQ(cli.read("n.jsonl"), log);
  // The first half of it: the same in the end.
  cli.write("n.jsonl", log.substr(0, log.size() / 2));
  const json again = json::parse(cli.run(command).out)["caches"];
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(again[i]["grid"], caches[i]["grid"]);
}

TEST(NeedleCommand, UserHaystackAndNeedle) {
  const test::Cli cli;
  std::filesystem::create_directory(cli.path("texts"));
  cli.write("texts/b.txt", "The second text is here. It goes on. And on.");
  cli.write("texts/a.txt", "The first text comes first. It is short.");
  const auto run = [&](const std::string& flags) {
    return cli.run("eval needle -q --style toy --lengths 200 --depths 0,50 -n 8 --haystack texts " + flags);
  };
  EXPECT_EQ(run("--json").exit_code, 0);
  const auto own = run("--needle 'Remember: Lamo 7777.' --question 'Lamo?' --answer 7777 -o own.jsonl");
  EXPECT_EQ(own.exit_code, 0) << own.err;
  EXPECT_NE(cli.read("own.jsonl").find("\"expected\":\"7777\""), std::string::npos);
  EXPECT_EQ(run("--select-with context -o context.jsonl").exit_code, 0);
  EXPECT_NE(cli.read("context.jsonl").find("\"select_with\":\"context\""), std::string::npos);
}

TEST(NeedleCommand, ModelsThatWereTrainedHereAreAskedAsTheyWereTrained) {
  const test::Cli cli;
  const auto question = [&](const std::string& model, const std::string& flags) {
    const auto result = cli.run("eval needle -q -m " + model + " --lengths 300 --depths 50 -n 1 -o n.jsonl " + flags);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    const std::string log = cli.read("n.jsonl");
    std::filesystem::remove(cli.path("n.jsonl"));
    return log.substr(log.find("\"question\":\"") + 12, 20);
  };
  EXPECT_EQ(question(PROXIMA_SOURCE_DIR "/data/demo", ""), "What is the number o");
  EXPECT_EQ(question(PROXIMA_SOURCE_DIR "/data/toy", ""), "What is the secret n");
  EXPECT_EQ(question(PROXIMA_SOURCE_DIR "/data/demo", "--style book"), "What is the secret n");
}

TEST(NeedleCommand, LimitsAndBadInput) {
  const test::Cli cli;
  std::filesystem::create_directory(cli.path("empty"));
  const auto expect = [&](const std::string& flags, int exit_code, const std::string& part) {
    const auto result = cli.run("eval needle -q --style toy -n 8 " + flags);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    EXPECT_NE(result.err.find(part), std::string::npos) << result.err << "\nlacks: " << part;
    EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
  };
  expect("--lengths 40", 2, "no room for a haystack");
  expect("--lengths 4k", 4, "context of 2048");
  expect("--lengths 9:3:1", 2, "--lengths");
  expect("--lengths 200 --depths 120", 2, "--depths");
  expect("--lengths 200 --haystack none", 3, "none");
  expect("--lengths 200 --haystack empty", 3, "holds no text");
  expect("--lengths 200 --needle x", 2, "go together");
  expect("--lengths 200 --also pod", 2, "--cache pod needs");
  expect("--lengths 200 --svg none/x.svg", 7, "none");
  expect("--lengths 200 --csv none/x.csv", 7, "none");
  expect("--lengths 300 --depths 50 --min-score 100 --cache pod --map " PROXIMA_SOURCE_DIR "/data/toy/map-uniform.json",
         1, "below --min-score 100");
}

}  // namespace
}  // namespace proxima
