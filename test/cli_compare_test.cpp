// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "model/observer.h"
#include "test/cli.h"
#include "test/planted.h"
#include "test/shared.h"

namespace proxima {
namespace {

using nlohmann::json;
using test::plant;

constexpr size_t kLayers = 3;

class CliCompare : public ::testing::Test {
 protected:
  CliCompare() {
    test::write_tiny_model(cli_.path("tiny"), {.layers = kLayers});
    cli_.write("ids.json", "[5, 17, 99, 3, 3, 64, 127, 0, 12, 40, 41, 7]");
    dump("tiny", "ref");
  }
  void dump(const std::string& model, const std::string& name, const std::string& flags = "") {
    const auto result = cli_.run("dump -q -m " + model + " --ids ids.json -o " + name +
                                 (flags.find("--points") == std::string::npos ? " --points '*' " : " ") +
                                 (flags.find("--precision") == std::string::npos ? "--precision f64 " : "") + flags);
    ASSERT_EQ(result.exit_code, 0) << result.err;
  }
  void copy(const std::string& from, const std::string& to) {
    std::filesystem::copy(cli_.path(from), cli_.path(to),
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
  }
  // Compares and checks the exit code and that both forms of output say the same.
  json compare(const std::string& arguments, int exit_code) {
    const auto text = cli_.run("compare " + arguments);
    const auto result = cli_.run("compare " + arguments + " --json");
    EXPECT_EQ(text.exit_code, exit_code) << arguments << "\n" << text.out << text.err;
    EXPECT_EQ(result.exit_code, exit_code);
    const json report = json::parse(result.out);
    const std::string verdict = report.at("verdict");
    EXPECT_NE(text.out.find(verdict), std::string::npos);
    EXPECT_EQ(report.at("agrees"), exit_code == 0);
    if (exit_code == 1) {
      EXPECT_EQ(text.err, "proxima: " + verdict + "\n");
    }
    return report;
  }
  static json tensor(const json& report, const std::string& name) {
    for (const json& each : report.at("tensors")) {
      if (each.at("name") == name) return each;
    }
    ADD_FAILURE() << name << " is not in the report";
    return {};
  }

  test::Cli cli_;
};

TEST_F(CliCompare, EqualRunsAgreeInTheOrderOfComputation) {
  const json report = compare("ref ref", 0);
  EXPECT_EQ(report.at("first_divergent"), nullptr);
  EXPECT_EQ(report.at("ids"), (json{{"compared", true}, {"equal", true}, {"note", nullptr}}));
  std::vector<std::string> expected = {"embed"}, names;
  for (size_t layer = 0; layer < kLayers; ++layer) {
    for (size_t p = 1; p < 12; ++p) expected.push_back(full_point_name(static_cast<Point>(p), layer));
  }
  expected.insert(expected.end(), {"final_norm", "logits"});
  for (const json& each : report.at("tensors")) {
    names.push_back(each.at("name"));
    EXPECT_EQ(each.at("max_abs"), 0);
    EXPECT_NEAR(each.at("cosine").get<double>(), 1, 1e-12);
  }
  EXPECT_EQ(names, expected);
  EXPECT_EQ(tensor(report, "logits").at("top1"), 1);
  EXPECT_EQ(tensor(report, "logits").at("k"), 10);
}

// The tensor that a wrong weight touches first is the one that is named, in every layer.
TEST_F(CliCompare, APlantedErrorIsNamedWhereItBegins) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"input_layernorm", "attn_norm"}, {"self_attn.q_proj", "q"},        {"self_attn.k_proj", "k"},
      {"self_attn.v_proj", "v"},        {"self_attn.o_proj", "attn_out"}, {"post_attention_layernorm", "mlp_out"},
      {"mlp.gate_proj", "mlp_out"},     {"mlp.down_proj", "mlp_out"}};
  for (size_t layer = 0; layer < kLayers; ++layer) {
    for (const auto& [weight, point] : cases) {
      copy("tiny", "wrong");
      plant(cli_.path("wrong/model.safetensors"), fmt::format("model.layers.{}.{}.weight", layer, weight), 3, 1,
            [](double w) { return w + 0.01; });
      dump("wrong", "got");
      const json report = compare("ref got", 1);
      EXPECT_EQ(report.at("first_divergent"), fmt::format("layers.{}.{}", layer, point)) << weight;
    }
  }
  for (const auto& [weight, point] :
       {std::pair{"model.embed_tokens.weight", "embed"}, std::pair{"model.norm.weight", "final_norm"},
        std::pair{"lm_head.weight", "logits"}}) {
    copy("tiny", "wrong");
    plant(cli_.path("wrong/model.safetensors"), weight, 0, 1, [](double w) { return w + 0.01; });
    dump("wrong", "got");
    const json report = compare("ref got", 1);
    EXPECT_EQ(report.at("first_divergent"), point) << weight;
  }
}

TEST_F(CliCompare, AWrongElementOfAnyPointIsFoundWhereItIs) {
  for (const char* name : {"embed", "layers.0.q_rope", "layers.1.attn.scores", "layers.2.resid_mid", "logits"}) {
    copy("ref", "got");
    plant(cli_.path("got"), name, 100, 1, [](double x) { return x + 1e-6; });
    const json report = compare("ref got", 1);
    EXPECT_EQ(report.at("first_divergent"), name);
    EXPECT_EQ(tensor(report, name).at("beyond_limit"), 1);
    EXPECT_NEAR(tensor(report, name).at("max_abs").get<double>(), 1e-6, 1e-9);
    compare("ref got --atol 2e-6", 0);
    compare("ref got --nmse 1e-6", 0);
    compare("ref got --atol 2e-6 --nmse 1e-18", 1);
  }
  // Element 100 of [4 heads, 12, 16] is head 0, position 6, column 4.
  copy("ref", "got");
  plant(cli_.path("got"), "layers.0.q_rope", 100, 1, [](double x) { return x + 1; });
  const json where = tensor(compare("ref got", 1), "layers.0.q_rope").at("first_beyond");
  EXPECT_EQ(where.at("head"), 0);
  EXPECT_EQ(where.at("position"), 6);
  EXPECT_EQ(where.at("column"), 4);
}

TEST_F(CliCompare, NanAndInfinityAreCountedAndDiverge) {
  copy("ref", "got");
  plant(cli_.path("got"), "layers.1.q", 7, 2, [](double) { return std::nan(""); });
  plant(cli_.path("got"), "layers.2.q", 7, 1, [](double) { return -std::numeric_limits<double>::infinity(); });
  const json report = compare("ref got --nmse 1e9", 1);
  EXPECT_EQ(report.at("first_divergent"), "layers.1.q");
  EXPECT_EQ(tensor(report, "layers.1.q").at("got_nan"), 2);
  EXPECT_EQ(tensor(report, "layers.1.q").at("ref_nan"), 0);
  EXPECT_EQ(tensor(report, "layers.2.q").at("got_inf"), 1);
  EXPECT_EQ(tensor(report, "layers.2.q").at("status"), "diverges");
  compare("got got", 1);  // a NaN proves nothing, not even beside itself
}

TEST_F(CliCompare, OtherTokensStopTheComparison) {
  copy("ref", "got");
  plant(cli_.path("got"), "input_ids", 4, 1, [](double id) { return id + 1; });
  json report = compare("ref got", 1);
  EXPECT_EQ(report.at("ids").at("equal"), false);
  EXPECT_EQ(report.at("ids").at("note"), "token 4 is 3 in REF and 4 in GOT");
  EXPECT_TRUE(report.at("tensors").empty());
  cli_.write("ids.json", "[5, 17, 99]");
  dump("tiny", "short");
  EXPECT_EQ(compare("ref short", 1).at("ids").at("note"), "REF has 12 tokens and GOT 3, equal so far");
  test::remove_tensor(cli_.path("got"), "input_ids");
  report = compare("ref got", 0);
  EXPECT_EQ(report.at("ids").at("compared"), false);
  EXPECT_EQ(report.at("ids").at("note"), "not compared: GOT has no input_ids");
}

TEST_F(CliCompare, MissingAndMisshapenTensorsAreReported) {
  copy("ref", "got");
  test::remove_tensor(cli_.path("got"), "layers.1.k");
  json report = compare("ref got", 1);
  EXPECT_EQ(tensor(report, "layers.1.k").at("status"), "missing in GOT");
  EXPECT_EQ(report.at("first_divergent"), nullptr);
  EXPECT_EQ(tensor(compare("got ref", 0), "layers.1.k").at("status"), "not in REF");
  compare("ref got --points 'layers.*.q,logits'", 0);

  copy("ref", "got");
  test::remove_tensor(cli_.path("got"), "layers.1.q");
  test::rename_tensor(cli_.path("got"), "layers.1.v", "layers.1.q");  // another width
  report = compare("ref got --points '*.q'", 1);
  EXPECT_EQ(report.at("first_divergent"), "layers.1.q");
  EXPECT_EQ(tensor(report, "layers.1.q").at("status"), "misshapen");
  EXPECT_EQ(tensor(report, "layers.1.q").at("ref_shape"), (json{12, 64}));
  EXPECT_EQ(tensor(report, "layers.1.q").at("got_shape"), (json{12, 32}));

  copy("ref", "got");
  test::rename_tensor(cli_.path("got"), "layers.1.k", "mystery");
  EXPECT_EQ(tensor(compare("got ref --points 'mystery,logits'", 0), "mystery").at("status"), "unknown name");
}

TEST_F(CliCompare, PartsOfARunAreComparedWhereTheyLie) {
  dump("tiny", "part", "--tokens 4:9 --score-rows 3");
  json report = compare("ref part", 0);
  EXPECT_EQ(tensor(report, "layers.0.k_rope").at("positions"), (json{4, 9}));
  EXPECT_EQ(tensor(report, "layers.0.attn.scores").at("positions"), (json{6, 9}));
  compare("part ref", 0);
  plant(cli_.path("part"), "layers.2.k_rope", 0, 1, [](double x) { return x + 1; });
  report = compare("ref part", 1);
  EXPECT_EQ(tensor(report, "layers.2.k_rope").at("first_beyond").at("position"), 4);
  dump("tiny", "other", "--tokens 8:12");
  EXPECT_EQ(tensor(compare("part other --points logits", 1), "logits").at("status"), "misshapen");
}

TEST_F(CliCompare, PrecisionsDifferByLittle) {
  dump("tiny", "f32", "--precision f32");
  compare("ref f32", 0);
  compare("ref f32 --atol 1e-12", 1);
  dump("tiny", "fast", "--precision fast");
  const json report = compare("ref fast --nmse 1e-3", 0);
  EXPECT_GT(tensor(report, "logits").at("nmse").get<double>(), 1e-9);
}

TEST_F(CliCompare, HuggingFaceOutputsByNameMap) {
  PROXIMA_NEEDS_SHARED("golden/llama3-gqa4");
  const auto folder = test::shared_folder() / "golden/llama3-gqa4";
  const std::string golden = (folder / "golden.safetensors").string();
  copy(folder / "tokens.json", "ids.json");
  dump(folder, "ours", "--score-rows 49");
  json report = compare(golden + " ours --atol 2e-7 --rtol 2e-7", 0);
  size_t n_compared = 0;
  for (const json& each : report.at("tensors")) n_compared += each.contains("max_abs");
  EXPECT_EQ(n_compared, 1U + 3 + 4 + 4 + 1 + 1 + 1);  // embed, resid_post, keys, values, probabilities, norm, logits
  EXPECT_EQ(tensor(report, "greedy_logits").at("status"), "unknown name");
  EXPECT_LT(tensor(report, "logits").at("max_abs").get<double>(), 1e-10);
  EXPECT_EQ(tensor(report, "logits").at("top1"), 1);
  dump(folder, "few", "--points 'layers.0.resid_post,logits'");
  EXPECT_EQ(tensor(compare(golden + " few", 1), "embed").at("status"), "missing in GOT");
  compare(golden + " few --points 'layers.0.resid_post,logits'", 0);
  dump(folder, "rows", "--points 'layers.1.attn.scores'");  // the last 16 queries
  report = compare(golden + " rows --points '*.scores'", 0);
  EXPECT_EQ(tensor(report, "layers.1.attn.scores").at("positions"), (json{33, 49}));
}

TEST_F(CliCompare, OtherNamesByANameMap) {
  copy("ref", "got");
  test::rename_tensor(cli_.path("got"), "layers.1.resid_post", "model.h.1");
  test::rename_tensor(cli_.path("got"), "input_ids", "tokens");
  EXPECT_EQ(tensor(compare("ref got", 1), "layers.1.resid_post").at("status"), "missing in GOT");
  cli_.write("names.json", R"({"model.h.1": "layers.1.resid_post", "tokens": "input_ids"})");
  const json report = compare("ref got --names names.json", 0);
  EXPECT_EQ(report.at("ids").at("equal"), true);
  EXPECT_EQ(tensor(report, "layers.1.resid_post").at("status"), "agrees");
  plant(cli_.path("got"), "model.h.1", 0, 1, [](double x) { return x + 1; });
  EXPECT_EQ(compare("ref got --names names.json", 1).at("first_divergent"), "layers.1.resid_post");
  for (const auto& [text, part] : {std::pair{R"({"model.h.1": "layers.1.resid"})", "layers.1.resid"},
                                   std::pair{R"({"h.9": "logits"})", "h.9"}, std::pair{"[1]", "JSON object"}}) {
    cli_.write("bad.json", text);
    const auto result = cli_.run("compare ref got --names bad.json");
    EXPECT_EQ(result.exit_code, 3);
    EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
  }
}

TEST_F(CliCompare, UsageAndInputErrors) {
  const auto expect = [&](const std::string& arguments, int exit_code, const std::string& part) {
    const auto result = cli_.run("compare " + arguments);
    EXPECT_EQ(result.exit_code, exit_code) << arguments << result.err;
    EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
    EXPECT_EQ(result.out, "");
  };
  expect("ref", 2, "GOT");
  expect("ref ref --atol -1", 2, "--atol");
  expect("ref ref --nmse nan", 2, "--nmse");
  expect("ref ref --rtol ''", 2, "--rtol");
  expect("ref ref --points 'layers.9.*'", 2, "layers.9.*");
  expect("ref absent", 3, "absent");
  expect("ref ids.json", 3, "ids.json");
  dump("tiny", "logits", "--points logits");
  dump("tiny", "embed", "--points embed");
  expect("logits embed", 3, "no tensor in common");
}

}  // namespace
}  // namespace proxima
