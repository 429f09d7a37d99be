// SPDX-License-Identifier: MIT
// `proxima explore` at a shell, mostly on the bundled demo model.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "test/cli.h"
#include "test/random.h"
#include "test/tiny_tokenizer.h"

namespace proxima {
namespace {

using nlohmann::json;

class CliExplore : public ::testing::Test {
 protected:
  CliExplore() {
    test::Random random(1);
    std::string text;
    while (text.size() < 1500)
      text += std::string(1 + random.below(9), static_cast<char>('a' + random.below(26))) + " ";
    cli_.write("text.txt", text);
    cli_.write("tasks.jsonl", json{{"context", text.substr(0, 200)}, {"answer", "4821"}}.dump() + "\n");
  }

  void expect_error(const std::string& arguments, int exit_code, const std::string& part) const {
    const auto result = cli_.run("explore -q " + arguments);
    EXPECT_EQ(result.exit_code, exit_code) << arguments << "\n" << result.err;
    EXPECT_NE(result.err.find(part), std::string::npos) << "standard error: " << result.err << "\nlacks: " << part;
    EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
    EXPECT_TRUE(result.out.empty());
  }
  void expect_ok(const std::string& arguments) const {
    const auto result = cli_.run("explore -q " + arguments);
    ASSERT_EQ(result.exit_code, 0) << arguments << "\n" << result.err;
    EXPECT_TRUE(result.out.empty());
  }

  // A sample of 150 tokens, of which those before the last 20 and behind the first 4 are distant.
  const std::string small_ = "--text text.txt --length 150 --samples 3 --queries 8 --ns 4 --nr 20 ";
  test::Cli cli_;
};

TEST_F(CliExplore, EachMethodWritesAMapThatRuns) {
  for (const std::string options : {"--by js --delta 0.2", "--by local --target-saving 0.2",
                                    "--by kld --target-saving 20%", "--by kld --max-damage 9 --task tasks.jsonl",
                                    "--by js --scope distant --similarity 1-sqrt --delta 0.1 "
                                    "--compare-with all --measure 3",
                                    "--by local --max-damage 0.5 --measure 2 --task tasks.jsonl --precision f32"}) {
    SCOPED_TRACE(options);
    expect_ok(small_ + options + " -o map.json --restart");
    const json map = json::parse(cli_.read("map.json"));
    EXPECT_EQ(map["format"], "proxima.sharing-map/1");
    EXPECT_EQ(map["layers"], 8);
    EXPECT_EQ(map["heads"], 4);
    EXPECT_EQ(map["ns"], 4);
    EXPECT_EQ(map["nr"], 20);
    EXPECT_EQ(map["fingerprint"].get<std::string>().size(), 16U);
    EXPECT_EQ(map["provenance"]["samples"], 3);
    EXPECT_EQ(map["provenance"]["length"], 150);
    EXPECT_GT(map["provenance"]["s"], 0);
    const std::string table = cli_.read("map.curve.csv");
    EXPECT_TRUE(table.starts_with("step,"));
    EXPECT_GT(std::ranges::count(table, '\n'), 3);
    EXPECT_EQ(std::ranges::count(table.substr(0, table.find('\n')), ','),
              std::ranges::count(table.substr(table.rfind('\n', table.size() - 2)), ','));
    EXPECT_EQ(table.find(",yes\n"), table.rfind(",yes\n")) << "one map is written";
    EXPECT_TRUE(cli_.read("map.curve.svg").starts_with("<svg"));
    EXPECT_EQ(std::filesystem::exists(cli_.path("map.similarity.svg")), options.starts_with("--by js"));
    std::filesystem::remove(cli_.path("map.similarity.svg"));
    const auto run = cli_.run("run -f text.txt -n 1 --cache pod --map map.json");
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_NE(run.err.find("KV cache pod"), std::string::npos) << run.err;
  }
}

TEST_F(CliExplore, StopsWhereAsked) {
  expect_ok(small_ + "--by kld --target-saving 20% -o map.json");
  const json reached = json::parse(cli_.read("map.json"))["provenance"];
  EXPECT_GE(reached["saving"], 0.2);
  EXPECT_EQ(reached["stopped_by"], "target-saving");
  const double damage = reached["damage"].get<double>();
  // The same search answers for other stopping points, without measuring again.
  expect_ok(small_ + "--by kld --max-damage " + std::to_string(damage / 2) + " -o map.json");
  const json limited = json::parse(cli_.read("map.json"))["provenance"];
  EXPECT_LE(limited["damage"], damage / 2);
  EXPECT_LT(limited["saving"], reached["saving"]);
  EXPECT_EQ(limited["stopped_by"], "max-damage");
  expect_ok(small_ + "--by kld --target-saving 5% --whole-curve -o map.json");
  const std::string table = cli_.read("map.curve.csv");
  EXPECT_EQ(std::ranges::count(table, '\n'), 16) << "head, dense, and a step for each of 14 cells";
  EXPECT_LT(json::parse(cli_.read("map.json"))["provenance"]["saving"], 0.1);
}

TEST_F(CliExplore, InterruptedAndResumedEqualsUninterrupted) {
  for (const std::string method :
       {"--by kld --target-saving 30% --task tasks.jsonl", "--by local --max-damage 1", "--by js --scope distant"}) {
    SCOPED_TRACE(method);
    const std::string command =
        "--text text.txt --length 300 --queries 8 --ns 4 --nr 20 --precision f32 -t 1 " + method;
    expect_ok(command + " -o whole.json");
    // However far it gets each time, and whether it was stopped at all.
    const auto runs = cli_.shell("for i in 1 2 3 4 5 6 7 8; do timeout -s INT 0.1$i \"$P\" explore -q " + command +
                                 " -o part.json 2>>err.txt && break; echo $? >>codes; done; \"$P\" explore -q " +
                                 command + " -o part.json; echo $?");
    EXPECT_EQ(runs.out, "0\n") << runs.err;
    for (const std::string file : {".json", ".curve.csv", ".curve.svg"}) {
      EXPECT_EQ(cli_.read("part" + file), cli_.read("whole" + file)) << file;
    }
    std::filesystem::remove(cli_.path("part.json.progress.json"));
    std::filesystem::remove(cli_.path("whole.json.progress.json"));
  }
}

TEST_F(CliExplore, SaysWhatItWillTake) {
  const auto result = cli_.run("explore " + small_ + "--by kld --target-saving 20% -o map.json --progress plain");
  EXPECT_EQ(result.exit_code, 0);
  for (const std::string part : {"memory", "steps to search", " runs of ", "explore kld: step", " left, RSS "}) {
    EXPECT_NE(result.err.find(part), std::string::npos) << part << " is missing in " << result.err;
  }
  const auto lines = cli_.run("explore -q " + small_ + "--by js -o map.json --progress json");
  EXPECT_TRUE(lines.err.find("total") == std::string::npos) << "-q is quiet: " << lines.err;
}

TEST_F(CliExplore, RefusesMapsOfOtherModels) {
  expect_ok(small_ + "--by local --target-saving 20% -o map.json");
  test::write_tiny_model(cli_.path("other"), {.layers = 8, .vocab = 300});
  cli_.write("other/tokenizer.json", test::byte_level_tokenizer({}).dump());
  for (const std::string command : {"run -q -m other -f text.txt -n 1", "plan -m other -f text.txt"}) {
    const auto refused = cli_.run(command + " --cache pod --map map.json");
    EXPECT_EQ(refused.exit_code, 3);
    EXPECT_NE(refused.err.find("map.json: the map was made for weights"), std::string::npos) << refused.err;
  }
  // One that does not say for which weights it was made is taken.
  json map = json::parse(cli_.read("map.json"));
  map.erase("fingerprint");
  cli_.write("any.json", map.dump());
  EXPECT_EQ(cli_.run("run -q -m other -f text.txt -n 1 --cache pod --map any.json").exit_code, 0);
  map["fingerprint"] = 7;
  cli_.write("any.json", map.dump());
  EXPECT_EQ(cli_.run("run -q -m other -f text.txt -n 1 --cache pod --map any.json").exit_code, 3);
}

TEST_F(CliExplore, Usage) {
  expect_error("--text text.txt -o map.json", 2, "--by js, local or kld");
  expect_error("--by js -o map.json", 2, "--text FILE");
  expect_error("--by js --text text.txt", 2, "-o FILE");
  expect_error("--by magic --text text.txt -o map.json", 2, "js|local|kld");
  expect_error(small_ + "--by kld -o map.json", 2, "--target-saving 30%, --max-damage");
  expect_error(small_ + "--by kld --delta 0.5 --max-damage 1 -o map.json", 2, "--delta has no effect");
  expect_error(small_ + "--by local --scope distant --max-damage 1 -o map.json", 2, "--scope has no effect");
  expect_error(small_ + "--by local --whole-curve --max-damage 1 -o map.json", 2, "--whole-curve has no effect");
  expect_error(small_ + "--by js --max-damage 1 -o map.json", 2, "--max-damage has no effect");
  expect_error(small_ + "--by js --task tasks.jsonl -o map.json", 2, "--task has no effect");
  expect_error(small_ + "--by kld --measure 3 --max-damage 1 -o map.json", 2, "--measure has no effect");
  expect_error(small_ + "--by js --delta 1.5 -o map.json", 2, "--delta takes a number from 0 to 1");
  expect_error(small_ + "--by js --delta nan -o map.json", 2, "--delta takes a number");
  expect_error(small_ + "--by js --target-saving 30 -o map.json", 2, "as 30% or 0.3");
  expect_error(small_ + "--by js --target-saving 45% -o map.json", 2, "cannot be reached");
  expect_error("--text text.txt --by local --max-damage 1 -o map.json", 2, "none that are distant");
  expect_error(small_ + "--by js -o .", 2, "no regular file");
}

TEST_F(CliExplore, BadInput) {
  expect_error("--text text.txt --length 2000 --by js -o map.json", 2, "--length asks for 2000");
  expect_error("--text text.txt --length 4000 --by js -o map.json", 4, "does not fit the context");
  expect_error("--text nothing.txt --by js -o map.json", 3, "nothing.txt");
  cli_.write("bad.jsonl", cli_.read("tasks.jsonl") + "{\"context\": \"x\"}\n");
  expect_error(small_ + "--by kld --max-damage 1 --task bad.jsonl -o map.json", 3,
               "bad.jsonl:2: a task needs a text \"answer\"");
  cli_.write("short.jsonl", "{\"context\": \"x\", \"answer\": \"y\"}\n");
  expect_error(small_ + "--by kld --max-damage 1 --task short.jsonl -o map.json", 2, "none that are distant");
  expect_error(small_ + "--by js -o nowhere/map.json", 7, "nowhere");
  expect_ok(small_ + "--by js --delta 0.3 -o map.json");
  expect_error(small_ + "--by js --scope distant -o map.json", 3, "--restart");
  expect_error(small_ + "--by local --max-damage 1 -o map.json", 3, "--by js, now it is local");
  EXPECT_EQ(json::parse(cli_.read("map.json"))["provenance"]["by"], "js") << "nothing written before is lost";
  cli_.write("map.json.progress.json", "{");
  expect_error(small_ + "--by js -o map.json", 3, "map.json.progress.json");
  expect_ok(small_ + "--by js --delta 0.3 -o map.json --restart");
}

TEST_F(CliExplore, RefusesWhatDoesNotFitMemory) {
  test::write_tiny_model(cli_.path("deep"), {.hidden = 8,
                                             .layers = 300,
                                             .heads = 2,
                                             .kv_heads = 2,
                                             .head_dim = 256,
                                             .intermediate = 8,
                                             .vocab = 300,
                                             .max_position = 4000000});
  cli_.write("deep/tokenizer.json", test::byte_level_tokenizer({}).dump());
  cli_.write("long.txt", std::string(1000000, 'x'));
  expect_error("-m deep --text long.txt --length 1000000 --by js -o map.json --precision f64", 5, "exploring needs");
}

TEST_F(CliExplore, RefusesModelsWithoutSharableLayers) {
  test::write_tiny_model(cli_.path("one"), {.layers = 1, .vocab = 300});
  cli_.write("one/tokenizer.json", test::byte_level_tokenizer({}).dump());
  expect_error("-m one " + small_ + "--by js -o map.json", 3, "no two neighbouring layers");
}

}  // namespace
}  // namespace proxima
