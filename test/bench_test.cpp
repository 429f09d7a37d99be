// SPDX-License-Identifier: MIT
// proxima bench: what it counts, and that every format says the same.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "apps/bench_case.h"
#include "test/cli.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

using nlohmann::json;

// Every multiply-add of every token, one product of matrices after the other.
double counted_operations(const ModelConfig& config, size_t depth, size_t n_tokens) {
  double n = 0;
  for (size_t token = 0; token < n_tokens; ++token) {
    for (const LayerConfig& layer : config.layers) {
      const size_t n_keys = std::min(depth + token + 1, layer.window);
      n += static_cast<double>(config.hidden * config.head_dim * (config.n_heads + 2 * config.n_kv_heads));
      n += static_cast<double>(config.n_heads * n_keys * config.head_dim * 2);
      n += static_cast<double>(config.n_heads * config.head_dim * config.hidden);
      n += static_cast<double>(3 * config.hidden * config.intermediate);
    }
  }
  return 2 * (n + static_cast<double>(config.vocab * config.hidden));
}

TEST(BenchTest, CountsOperations) {
  ModelConfig config;
  config.hidden = 24, config.n_heads = 6, config.n_kv_heads = 2, config.head_dim = 10, config.intermediate = 50;
  config.vocab = 77;
  config.layers.resize(3);
  config.layers[1].window = 4;
  for (const size_t depth : {0U, 1U, 9U}) {
    for (const size_t n : {1U, 3U, 12U}) {
      EXPECT_DOUBLE_EQ(prefill_operations(config, depth, n), counted_operations(config, depth, n));
    }
  }
}

class CliBench : public ::testing::Test {
 protected:
  CliBench() { test::write_tiny_model(cli_.path("tiny"), {.layers = 3}); }
  std::string output(const std::string& arguments) {
    const auto result = cli_.run("bench -q -m tiny -r 2 -p 5,3 -n 2 -d 0,7 -t 1 " + arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result.out;
  }
  test::Cli cli_;
};

TEST_F(CliBench, EveryFormatHasEveryCase) {
  const json rows = json::parse(output("--cache dense --cache name=pod:pod-uniform=3,ns=1,nr=2 -o json"));
  ASSERT_EQ(rows.size(), 12U);
  for (size_t index = 0; index < rows.size(); ++index) {
    const json& row = rows[index];
    EXPECT_EQ(row.at("samples_ns").size(), 2U);
    EXPECT_GT(row.at("avg_ts").get<double>(), 0);
    EXPECT_GT(row.at("limit_share").get<double>(), 0);
    EXPECT_EQ(row.at("cache"), index % 2 == 1 ? "name" : "dense");
    EXPECT_NE(row.at("n_prompt") == 0, row.at("n_gen") == 0);
  }
  EXPECT_EQ(rows.back().at("n_depth"), 7);
  EXPECT_LT(rows[11].at("kv_bytes"), rows[10].at("kv_bytes"));

  const auto n_lines = [](const std::string& text) { return std::ranges::count(text, '\n'); };
  EXPECT_EQ(n_lines(output("-o jsonl")), 6);
  EXPECT_EQ(n_lines(output("-o csv")), 7);
  const std::string markdown = output("");
  EXPECT_EQ(n_lines(markdown), 8);
  EXPECT_NE(markdown.find("| pp3 @ d7 |"), std::string::npos) << markdown;
  EXPECT_NE(markdown.find("| tg2 |"), std::string::npos) << markdown;
}

TEST_F(CliBench, SelectionsReadBeforeTheyAreTimed) {
  for (const std::string cache : {"snapkv:kv-budget=16,observe=4", "quest:kv-budget=16", "window:ns=1,nr=4", "cla"}) {
    const auto result = cli_.run("bench -q -m tiny -p 0 -n 2 -d 40 -r 1 -o jsonl --cache " + cache);
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_GT(json::parse(result.out).at("avg_ts").get<double>(), 0) << cache;
  }
}

TEST_F(CliBench, DrawsAPicture) {
  output("--plot speed.svg");
  EXPECT_NE(cli_.read("speed.svg").find("<svg"), std::string::npos);
}

TEST_F(CliBench, RefusesWhatMeansNothing) {
  for (const auto& [arguments, part] : std::vector<std::pair<std::string, std::string>>{
           {"-p 0 -n 0", "nothing to measure"}, {"-d -1", "-1"}, {"--cache nonsense", "nonsense"}, {"-o xml", "xml"}}) {
    const auto result = cli_.run("bench -m tiny " + arguments);
    EXPECT_EQ(result.exit_code, 2) << arguments;
    EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
  }
}

}  // namespace
}  // namespace proxima
