// SPDX-License-Identifier: MIT
// The table by hand, and the command against the commands whose figures it joins.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "apps/eval/table_report.h"
#include "test/cli.h"

namespace proxima {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

ordered_json row(const std::string& name, double bytes, double ppl, double score) {
  return {
      {"cache", name},
      {"text",
       {{"forced", {{"ppl", ppl}, {"kld", 0.25}, {"kld_error", 0.5}, {"same_top", 0.75}}},
        {"cost",
         {{"kv_bytes", bytes}, {"kv_dense_bytes", 4096}, {"prompt_per_second", 100}, {"generate_per_second", 9.5}}}}},
      {"needle", {{"score", score}}}};
}

TEST(TableReport, DropsAreAgainstTheFirstRow) {
  std::vector<ordered_json> rows = {row("dense", 4096, 5, 0.8), row("pod", 3072, 5.5, 0.6)};
  complete_rows(rows);
  EXPECT_EQ(rows[0]["drop"]["ppl"], 0);
  EXPECT_DOUBLE_EQ(rows[1]["drop"]["ppl"], 5.5 / 5 - 1);
  EXPECT_DOUBLE_EQ(rows[1]["drop"]["needle"], 0.25);
  EXPECT_EQ(rows[1]["saved"], 0.25);
  EXPECT_EQ(
      table_markdown(rows),
      "| cache | KV bytes | saved | ppl | more ppl | KLD | same top | needle | drop | prompt tokens/s | tokens/s |\n"
      "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
      "| dense | 4.00 KiB | 0.0 % | 5.0000 | 0.0 % | 0.25000 ± 0.50000 | 75.0 % | 80.0 % | 0.0 % | 100 | 9.5 |\n"
      "| pod | 3.00 KiB | 25.0 % | 5.5000 | 10.0 % | 0.25000 ± 0.50000 | 75.0 % | 60.0 % | 25.0 % | 100 | 9.5 |\n");
  rows = {row("dense", 4096, 5, 0), row("pod", 3072, 5.5, 0)};
  complete_rows(rows);  // nothing to lose
  EXPECT_TRUE(rows[1]["drop"]["needle"].is_null());
}

class TableCommand : public ::testing::Test {
 protected:
  json run(const std::string& arguments) const {
    const auto result = cli_.run("eval " + arguments + " -q --json");
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.exit_code == 0 ? json::parse(result.out) : json();
  }
  test::Cli cli_;
  const std::string samples_ = PROXIMA_SOURCE_DIR "/data/toy/samples/";
  const std::string map_ = PROXIMA_SOURCE_DIR "/data/toy/map-damage.json";
  const std::string text_ = "-f " + samples_ + "harbour.txt -f " + samples_ + "orchard.txt --length 300 --forced 100 ";
  const std::string needles_ = "--style toy --lengths 256 --depths 30,60 -n 8 ";
};

TEST_F(TableCommand, HasTheFiguresOfTheOtherCommands) {
  const std::string exact = "--precision f32 ";
  const json rows = run("table " + exact + text_ + needles_ + "--cache damage=pod:map=" + map_ + " -o t.jsonl")["rows"];
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0]["cache"], "dense");
  EXPECT_EQ(rows[0]["text"]["forced"]["kld"], 0);
  EXPECT_EQ(rows[1]["cache"], "damage");
  const json kld = run("kld " + exact + text_ + "--cache pod --map " + map_);
  EXPECT_EQ(rows[1]["text"]["forced"], kld["forced"]);
  EXPECT_EQ(rows[1]["text"]["prompt"], kld["prompt"]);
  EXPECT_EQ(rows[1]["kv_bytes"], kld["cost"]["kv_bytes"]);
  EXPECT_EQ(rows[0]["text"]["forced"]["ppl"], kld["forced"]["base_ppl"]);
  const json needle = run("needle " + exact + needles_ + "--cache pod --map " + map_)["caches"][0];
  EXPECT_EQ(rows[1]["needle"]["score"], needle["score"]);
  EXPECT_EQ(rows[1]["needle"]["settings"]["map"], needle["settings"]["map"]);
  // Both write the same results: the table takes those of kld and needle.
  EXPECT_EQ(run("kld " + exact + text_ + "--cache pod --map " + map_ + " -o t.jsonl")["forced"], kld["forced"]);
}

TEST_F(TableCommand, GoesOnAndTakesAFileOfCaches) {
  cli_.write("caches.txt", "# maps\n\n  pod:pod-uniform=4,ns=4,nr=64\ndense\n");
  const std::string command = "table " + needles_ + "--cache-file caches.txt -o t.jsonl";
  const json first = run(command);
  ASSERT_EQ(first["rows"].size(), 2U);
  const std::string log = cli_.read("t.jsonl");
  EXPECT_EQ(run(command), first);
  EXPECT_EQ(cli_.read("t.jsonl"), log);
}

TEST_F(TableCommand, BadInput) {
  const auto expect = [&](const std::string& arguments, int exit_code, const std::string& part) {
    const auto result = cli_.run("eval table -q " + arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    EXPECT_NE(result.err.find(part), std::string::npos) << result.err << "\nlacks: " << part;
    EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
  };
  expect("--cache pod:pod-uniform=2", 2, "what is to be measured");
  expect(needles_, 2, "which caches");
  expect(needles_ + "--cache nonsense", 2, "dense|pod");
  expect(needles_ + "--cache pod", 2, "--cache pod needs");
  expect(needles_ + "--cache pod:map=none.json", 3, "none.json");
  expect(needles_ + "--cache-file none.txt", 3, "none.txt");
  json map = json::parse(test::read_text(map_));
  map["fingerprint"] = "0123456789abcdef";
  cli_.write("other.json", map.dump());
  expect(needles_ + "--cache pod:map=other.json", 3, "other.json");
  expect("-f " + samples_ + "harbour.txt --length 5000 --cache pod:pod-uniform=2", 4, "context");
  run("table " + needles_ + "--cache pod:pod-uniform=4,ns=4,nr=64 -o t.jsonl");
  std::string log = cli_.read("t.jsonl");
  for (size_t pos = log.find("\"score\""); pos != std::string::npos; pos = log.find("\"score\"")) log[pos + 1] = 'x';
  cli_.write("t.jsonl", log);
  expect(needles_ + "--cache pod:pod-uniform=4,ns=4,nr=64 -o t.jsonl", 3, "this version has not written");
}

}  // namespace
}  // namespace proxima
