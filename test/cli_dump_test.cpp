// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "apps/dump.h"
#include "core/safetensors.h"
#include "test/cli.h"

namespace proxima {
namespace {

std::vector<double> values_of(const SafetensorsFile& file, const std::string& name) {
  const TensorView& view = file.tensors().at(name);
  EXPECT_EQ(view.dtype, DType::kF64);
  std::vector<double> values(view.n_elements());
  std::memcpy(values.data(), view.data, view.n_bytes());
  return values;
}

class CliDump : public ::testing::Test {
 protected:
  CliDump() {
    test::write_tiny_model(cli_.path("tiny"), {});  // hidden 64, 4 heads, 2 KV heads of 16, vocab 128, no tokenizer
    std::string ids = "[0";
    for (int i = 1; i < 50; ++i) ids += ", " + std::to_string(i * 37 % 128);
    cli_.write("ids.json", ids + "]");
    cli_.write("wrapped.json", "{\"input_ids\": " + ids + "], \"other\": 1}");
  }
  SafetensorsFile dump(const std::string& flags, const std::string& name) {
    const auto result = cli_.run("dump -m tiny --precision f64 -o " + name + " " + flags);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.out, "");
    return SafetensorsFile(cli_.path(name));
  }
  test::Cli cli_;
};

TEST_F(CliDump, OneTensorAPointInTheNamedShape) {
  const auto file = dump("--ids wrapped.json --points '*' --score-rows 3", "all");
  EXPECT_EQ(file.tensors().size(), 1U + 2 * 11 + 2);
  const auto shape = [&](const char* name) { return file.tensors().at(name).shape; };
  using Shape = std::vector<size_t>;
  EXPECT_EQ(shape("embed"), (Shape{50, 64}));
  EXPECT_EQ(shape("layers.0.q"), (Shape{50, 64}));
  EXPECT_EQ(shape("layers.0.v"), (Shape{50, 32}));
  EXPECT_EQ(shape("layers.1.q_rope"), (Shape{4, 50, 16}));
  EXPECT_EQ(shape("layers.1.k_rope"), (Shape{2, 50, 16}));
  EXPECT_EQ(shape("layers.1.attn.scores"), (Shape{4, 3, 50}));
  EXPECT_EQ(shape("layers.1.resid_post"), (Shape{50, 64}));
  EXPECT_EQ(shape("final_norm"), (Shape{50, 64}));
  EXPECT_EQ(shape("logits"), (Shape{50, 128}));
}

TEST_F(CliDump, HeadMajorTensorsHoldTheRotatedRows) {
  const auto file = dump("--ids ids.json --points 'layers.0.k,layers.0.k_rope,layers.0.q,layers.0.q_rope'", "rope");
  for (const auto& [plain, rotated, heads] : {std::tuple{"layers.0.k", "layers.0.k_rope", size_t{2}},
                                              std::tuple{"layers.0.q", "layers.0.q_rope", size_t{4}}}) {
    const auto before = values_of(file, plain);
    const auto after = values_of(file, rotated);
    for (size_t head = 0; head < heads; ++head) {
      for (size_t t = 0; t < 50; ++t) {
        for (size_t i = 0; i < 8; ++i) {
          const double angle = static_cast<double>(t) * std::pow(10000.0, -static_cast<double>(i) / 8);
          const double* x = before.data() + (t * heads + head) * 16;
          const double* y = after.data() + (head * 50 + t) * 16;
          EXPECT_NEAR(y[i], x[i] * std::cos(angle) - x[i + 8] * std::sin(angle), 1e-12);
          EXPECT_NEAR(y[i + 8], x[i + 8] * std::cos(angle) + x[i] * std::sin(angle), 1e-12);
        }
      }
    }
  }
}

TEST_F(CliDump, ScoresAreProbabilitiesOfTheLastQueries) {
  const auto file = dump("--ids ids.json --points 'layers.1.attn.scores' --score-rows 4 --chunk 7", "scores");
  const auto scores = values_of(file, "layers.1.attn.scores");
  for (size_t head = 0; head < 4; ++head) {
    for (size_t row = 0; row < 4; ++row) {
      double sum = 0;
      for (size_t key = 0; key < 50; ++key) {
        const double p = scores[(head * 4 + row) * 50 + key];
        if (key > 46 + row) {
          EXPECT_EQ(p, 0);
        }
        sum += p;
      }
      EXPECT_NEAR(sum, 1, 1e-12);
    }
  }
}

TEST_F(CliDump, ChunksAndThreadsGiveTheSameFile) {
  const std::string flags = "--ids ids.json --points 'logits,layers.*.k_rope,layers.*.resid_post' ";
  dump(flags, "a");
  dump(flags + "--chunk 7 -t 1 --simd scalar", "b");
  EXPECT_EQ(cli_.read("a"), cli_.read("b"));
  dump(flags + "--cache pod --pod-uniform 2 --ns 2 --nr 5", "c");
  EXPECT_NE(cli_.read("a"), cli_.read("c"));
}

TEST_F(CliDump, ListNamesEveryPoint) {
  const auto result = cli_.run("dump -m tiny --list");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const std::string_view name : kPointNames) EXPECT_NE(result.out.find(name), std::string::npos) << name;
}

TEST(MatchesGlob, StarStandsForAnyText) {
  EXPECT_TRUE(matches_glob("logits", "logits"));
  EXPECT_TRUE(matches_glob("layers.*.q", "layers.12.q"));
  EXPECT_TRUE(matches_glob("*", "anything"));
  EXPECT_TRUE(matches_glob("*.q*", "layers.1.q_rope"));
  EXPECT_TRUE(matches_glob("a*b*c", "a-b-b-c"));
  EXPECT_FALSE(matches_glob("layers.*.q", "layers.1.q_rope"));
  EXPECT_FALSE(matches_glob("q", "layers.1.q"));
  EXPECT_FALSE(matches_glob("a*b*c", "a-c-b"));
}

}  // namespace
}  // namespace proxima
