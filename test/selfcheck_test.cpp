// SPDX-License-Identifier: MIT
#include "apps/selfcheck.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/recorded_run.h"
#include "test/cli.h"
#include "test/planted.h"
#include "test/run_model.h"

namespace proxima {
namespace {

using nlohmann::json;

TEST(Selfcheck, EverythingIsAsPromised) {
  const test::Cli cli;
  test::write_tiny_model(cli.path("tiny"), {.layers = 3, .dtype = DType::kBF16});
  const auto result = cli.run("selfcheck -m tiny --f64 --tokens 40 --json");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const json report = json::parse(result.out);
  EXPECT_EQ(report.at("passed"), true);
  EXPECT_EQ(report.at("tokens"), "40 tokens of pseudo-random ids");
  const size_t n_targets = supported_simd_targets().size() - 1;
  ASSERT_EQ(report.at("checks").size(), 2 * (7 + n_targets));
  std::set<std::string> names;
  for (const json& check : report.at("checks")) {
    EXPECT_EQ(check.at("same_bits"), true) << check;
    EXPECT_EQ(check.at("tokens"), 40);
    names.insert(check.at("precision").get<std::string>() + " " + check.at("name").get<std::string>());
  }
  EXPECT_EQ(names.size(), report.at("checks").size());
  EXPECT_TRUE(names.contains("f64 identity map = dense"));
  EXPECT_TRUE(names.contains("f32 PoD within ns + nr = dense"));
  EXPECT_TRUE(names.contains("f32 chunk 7 = whole"));
  EXPECT_TRUE(names.contains("f64 saved and restored = whole"));
  EXPECT_TRUE(names.contains("f32 PoD saved and restored = PoD"));
  const json& fast = report.at("fast_against_f64");
  ASSERT_EQ(fast.at("tensors").size(), 4U);
  EXPECT_EQ(fast.at("tensors")[2].at("name"), "layers.2.resid_post");
  for (const json& each : fast.at("tensors")) {
    EXPECT_GT(each.at("nmse").get<double>(), 0) << each;
    EXPECT_LT(each.at("nmse").get<double>(), 1e-3) << each;
  }
}

TEST(Selfcheck, FailureIsExitCodeOne) {
  const test::Cli cli;
  test::write_tiny_model(cli.path("tiny"), {});
  const auto result = cli.run("selfcheck -m tiny --fast-nmse 1e-15");
  EXPECT_EQ(result.exit_code, 1) << result.out;
  EXPECT_NE(result.out.find("FAILED"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("same bits"), std::string::npos) << result.out;
  EXPECT_NE(result.err.find("checks failed"), std::string::npos) << result.err;
}

TEST(Selfcheck, ReadsTextAndIds) {
  const test::Cli cli;
  cli.write("text", "One day a small boat came into the harbour and the people went down to look at it.\n");
  cli.write("ids.json", "[1, 2, 3, 4, 5]");
  const auto text = cli.run("selfcheck --text text --tokens 9");
  EXPECT_EQ(text.exit_code, 0) << text.err << text.out;
  EXPECT_NE(text.out.find("9 tokens of text"), std::string::npos) << text.out;
  const auto ids = cli.run("selfcheck -q --ids ids.json");
  EXPECT_EQ(ids.exit_code, 0) << ids.err;
  EXPECT_EQ(ids.err, "");
  EXPECT_NE(ids.out.find("5 tokens of ids.json"), std::string::npos) << ids.out;
  EXPECT_EQ(cli.run("selfcheck --ids ids.json --tokens 6").exit_code, 2);
  EXPECT_EQ(cli.run("selfcheck --ids ids.json --text text").exit_code, 2);
  EXPECT_EQ(cli.run("selfcheck --tokens 1000000000").exit_code, 4);
}

// The comparison itself: one bit of one logit is found and named.
TEST(RecordedRun, OneBitIsADifference) {
  std::vector<float> a(6 * 7, 0.5F), b = a;
  const auto view = [](const std::vector<float>& values) {
    return RowsView{reinterpret_cast<const std::byte*>(values.data()), DType::kF32, 1, 6, 7, 0, 7};
  };
  EXPECT_EQ(first_difference(view(a), view(b)), std::nullopt);
  b[3 * 7 + 2] = std::nextafter(0.5F, 1.0F);
  b[5 * 7] = 9;
  const auto difference = first_difference(view(a), view(b));
  ASSERT_TRUE(difference);
  EXPECT_EQ(difference->find("differs at position 3, token 2: 0.5 against 0.5000000"), 0U) << *difference;
  b = a;
  b[0] = -0.0F;
  a[0] = 0.0F;
  EXPECT_TRUE(first_difference(view(a), view(b)));  // bits, not values
}

// What is recorded is what the forward pass computes, and PoD is really on where a map is given.
TEST(RecordedRun, HoldsLogitsAndLayers) {
  const test::TemporaryFolder folder;
  test::write_tiny_model(folder.path(), {.layers = 3});
  const Model model = open_model(folder.path());
  const auto ids = test::random_ids(30, model.config.vocab, 7);
  RunSetup setup{.precision = Precision::kF64, .n_threads = 2, .chunk = 8, .keep_layers = true};
  const RecordedRun run(model, ids, setup);
  const auto expected = test::run_model(model, ids, {});
  ASSERT_EQ(run.n_layers(), 3U);
  EXPECT_EQ(std::memcmp(run.logits().data, expected.logits.data(), expected.logits.size() * sizeof(double)), 0);
  EXPECT_EQ(std::memcmp(run.resid_post(1).data, expected.hidden[2].data(), expected.hidden[2].size() * sizeof(double)),
            0);
  auto map = paired_map(cache_geometry(model.config));
  ASSERT_TRUE(map);
  EXPECT_EQ(map->block_starts[0], (std::vector<size_t>{0, 2}));
  map->ns = 2;
  map->nr = 5;
  setup.map = map;
  EXPECT_TRUE(first_difference(run.logits(), RecordedRun(model, ids, setup).logits()));
}

TEST(Selfcheck, PairsKeepToLayersThatAreAlike) {
  CacheGeometry geometry{5, 1, 4, {0, 0, 1, 1, 1}};
  EXPECT_EQ(paired_map(geometry)->block_starts[0], (std::vector<size_t>{0, 2, 4}));
  geometry.layer_class = {0, 1, 0, 1, 0};
  EXPECT_FALSE(paired_map(geometry));
  EXPECT_EQ(identity_map(geometry).borrowed_share(), 0);
}

}  // namespace
}  // namespace proxima
