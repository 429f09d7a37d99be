// SPDX-License-Identifier: MIT
// NaN and infinity: --check-finite names a damaged weight before anything runs, and an overflow where it happens.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>

#include "test/cli.h"
#include "test/planted.h"

namespace proxima {
namespace {

class CliFinite : public ::testing::Test {
 protected:
  CliFinite() {
    test::write_tiny_model(cli_.path("tiny"), {.layers = 3});
    cli_.write("ids.json", "[5, 17, 99, 3]");
  }
  // A copy of a model whose row 0 of one matrix is so large that products with it overflow in f32.
  void plant_overflow(const std::filesystem::path& from, const std::string& to, const std::string& tensor,
                      size_t n_columns) {
    std::filesystem::copy(from, cli_.path(to));
    test::plant(cli_.path(to) / "model.safetensors", tensor, 0, n_columns,
                [](double w) { return w < 0 ? -3e38 : 3e38; });
  }
  void expect_failure(const std::string& arguments, int exit_code, const std::string& part) {
    const auto result = cli_.run(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << arguments << "\n" << result.err;
    EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
  }
  test::Cli cli_;
};

TEST_F(CliFinite, ANanWeightIsNamedBeforeAnythingRuns) {
  std::filesystem::copy(cli_.path("tiny"), cli_.path("nan"));
  test::plant(cli_.path("nan/model.safetensors"), "model.layers.1.mlp.up_proj.weight", 70, 1,
              [](double) { return std::nan(""); });
  expect_failure("dump -m nan --ids ids.json -o out --check-finite", 3, "model.layers.1.mlp.up_proj.weight");
  expect_failure("selfcheck -m nan", 3, "model.layers.1.mlp.up_proj.weight");
  EXPECT_FALSE(std::filesystem::exists(cli_.path("out")));
  expect_failure("dump -m nan --ids ids.json -o out", 6, "--check-finite");  // without it the logits tell
}

TEST_F(CliFinite, DumpNamesTensorLayerAndPosition) {
  const std::vector<std::tuple<std::string, std::string, size_t>> cases = {{"self_attn.q_proj", "q", 64},
                                                                           {"self_attn.v_proj", "v", 64},
                                                                           {"self_attn.o_proj", "attn_out", 64},
                                                                           {"mlp.down_proj", "mlp_out", 96}};
  for (size_t layer = 0; layer < 3; ++layer) {
    for (const auto& [weight, point, n_columns] : cases) {
      const std::string name = fmt::format("{}{}", point, layer);
      plant_overflow(cli_.path("tiny"), name, fmt::format("model.layers.{}.{}.weight", layer, weight), n_columns);
      for (const char* precision : {"f32", "fast"}) {
        expect_failure(fmt::format("dump -m {} --ids ids.json -o out --precision {} --check-finite", name, precision),
                       6, fmt::format("layers.{}.{} is ", layer, point));
        EXPECT_FALSE(std::filesystem::exists(cli_.path("out")));
      }
    }
  }
}

TEST_F(CliFinite, WithoutTheFlagTheDumpIsWrittenForTheSearch) {
  plant_overflow(cli_.path("tiny"), "bad", "model.layers.1.mlp.down_proj.weight", 96);
  expect_failure("dump -m bad --ids ids.json -o out --precision f32 --points '*'", 6, "logit");
  EXPECT_TRUE(std::filesystem::exists(cli_.path("out")));
  const auto good = cli_.run("dump -m tiny --ids ids.json -o ref --precision f32 --points '*'");
  EXPECT_EQ(good.exit_code, 0) << good.err;
  expect_failure("compare ref out", 1, "the first divergent tensor is layers.1.mlp_out");
}

TEST_F(CliFinite, TheFlagChangesNoNumbers) {
  for (const char* flag : {"", " --check-finite"}) {
    const auto result = cli_.run(std::string("dump -m tiny --ids ids.json --points '*' --chunk 3 -o out") + flag +
                                 (*flag == 0 ? "1" : ""));
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }
  EXPECT_EQ(cli_.read("out"), cli_.read("out1"));
}

TEST_F(CliFinite, RunAndSummarizeStopAtIt) {
  const std::filesystem::path toy = PROXIMA_SOURCE_DIR "/data/toy";
  const auto fine = cli_.run("run -q -p 'a word' -n 3 --check-finite");
  EXPECT_EQ(fine.exit_code, 0) << fine.err;
  EXPECT_EQ(fine.out, cli_.run("run -q -p 'a word' -n 3").out);
  std::filesystem::copy(toy, cli_.path("bad"));
  const SafetensorsFile file(toy / "model.safetensors");
  const std::string name = "model.layers.1.mlp.down_proj.weight";
  test::plant(cli_.path("bad/model.safetensors"), name, 0, file.tensors().at(name).shape[1],
              [](double w) { return w < 0 ? -3e38 : 3e38; });
  expect_failure("run -m bad -p 'a word' -n 3 --check-finite", 6, "layers.1.mlp_out is ");
  cli_.write("text", "a word and another\n");
  expect_failure("summarize -m bad -f text -n 3 --check-finite", 6, "layers.1.mlp_out is ");
}

}  // namespace
}  // namespace proxima
