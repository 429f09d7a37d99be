// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

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
  EXPECT_EQ(file.tensors().size(), 1U + 2 * 11 + 2 + 1);  // and input_ids
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

TEST_F(CliDump, TokenIdsAreInTheFile) {
  const auto file = dump("--ids wrapped.json --points logits --tokens last", "ids");
  const TensorView& view = file.tensors().at("input_ids");
  ASSERT_EQ(view.dtype, DType::kI64);
  ASSERT_EQ(view.shape, std::vector<size_t>{50});
  for (size_t i = 0; i < 50; ++i) {
    int64_t id;
    std::memcpy(&id, view.data + i * sizeof id, sizeof id);
    EXPECT_EQ(id, static_cast<int64_t>(i * 37 % 128));
  }
}

// Every tensor of a part is the same rows of the whole, however chunks cut them.
TEST_F(CliDump, TokenRangesArePartsOfTheWhole) {
  const std::string points = "--ids ids.json --points 'embed,layers.1.q_rope,layers.1.attn.scores,logits' ";
  const auto whole = dump(points + "--score-rows 50", "whole");
  for (const auto& [flag, first, end] :
       {std::tuple{"13:31", size_t{13}, size_t{31}}, std::tuple{"last", size_t{49}, size_t{50}},
        std::tuple{"0:1", size_t{0}, size_t{1}}, std::tuple{"all", size_t{0}, size_t{50}}}) {
    for (const char* chunk : {"--chunk 7", "--chunk 512"}) {
      const auto part = dump(points + "--score-rows 9 --tokens " + flag + " " + chunk, "part");
      EXPECT_EQ(part.metadata().at("tokens"), fmt::format("{}:{}", first, end));
      const size_t first_score = std::max(first, end - std::min<size_t>(end, 9));
      EXPECT_EQ(part.metadata().at("score_rows"), fmt::format("{}:{}", first_score, end));
      const auto expect_rows = [&](const char* name, size_t heads, size_t from, size_t width) {
        const auto all = values_of(whole, name), some = values_of(part, name);
        ASSERT_EQ(some.size(), heads * (end - from) * width) << name << " " << flag;
        for (size_t k = 0; k < some.size(); ++k) {
          const size_t head = k / ((end - from) * width), rest = k % ((end - from) * width);
          ASSERT_EQ(some[k], all[head * 50 * width + from * width + rest]) << name << " " << flag << " " << k;
        }
      };
      expect_rows("embed", 1, first, 64);
      expect_rows("layers.1.q_rope", 4, first, 16);
      expect_rows("layers.1.attn.scores", 4, first_score, 50);
      expect_rows("logits", 1, first, 128);
    }
  }
}

TEST_F(CliDump, ScoresAreOfTheLastSixteenQueriesUnlessSaid) {
  const auto file = dump("--ids ids.json --points 'layers.0.attn.scores'", "scores");
  EXPECT_EQ(file.tensors().at("layers.0.attn.scores").shape, (std::vector<size_t>{4, 16, 50}));
  EXPECT_EQ(file.metadata().at("score_rows"), "34:50");
}

TEST_F(CliDump, NpyHoldsTheSameNumbers) {
  const std::string points = "--ids ids.json --tokens 3:20 --points 'layers.*.k_rope,logits,layers.0.attn.scores'";
  const auto file = dump(points, "file");
  const auto result = cli_.run("dump -q -m tiny --precision f64 --format npy -o folder/ " + points);
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const auto manifest = nlohmann::json::parse(cli_.read("folder/manifest.json"));
  EXPECT_EQ(manifest.at("format"), "proxima.dump/1");
  EXPECT_EQ(manifest.at("metadata").at("tokens"), "3:20");
  EXPECT_EQ(manifest.at("tensors").size(), file.tensors().size());
  for (const auto& each : manifest.at("tensors")) {
    const TensorView& view = file.tensors().at(each.at("name").get<std::string>());
    EXPECT_EQ(each.at("shape"), nlohmann::json(view.shape));
    EXPECT_EQ(each.at("dtype"), std::string(dtype_name(view.dtype)));
    const std::string npy = cli_.read("folder/" + each.at("file").get<std::string>());
    ASSERT_EQ(npy.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
    const size_t head = 10 + static_cast<unsigned char>(npy[8]) + 256 * static_cast<size_t>(npy[9]);
    EXPECT_EQ(head % 64, 0U);
    std::string shape;
    for (const size_t dimension : view.shape) shape += std::to_string(dimension) + ",";
    std::string said = npy.substr(10, head - 10);
    std::erase(said, ' ');
    EXPECT_EQ(said, std::string("{'descr':'") + (view.dtype == DType::kF64 ? "<f8" : "<i8") +
                        "','fortran_order':False,'shape':(" + shape + "),}\n");
    EXPECT_EQ(npy.substr(head), std::string(reinterpret_cast<const char*>(view.data), view.n_bytes()));
  }
  const auto again = cli_.run("dump -q -m tiny --format npy -o folder " + points);
  EXPECT_EQ(again.exit_code, 7);
  EXPECT_NE(again.err.find("exists already"), std::string::npos) << again.err;
}

TEST_F(CliDump, NothingIsLeftOfAnNpyDumpThatFails) {
  cli_.write("bad.json", "[1, 2, 999]");
  const auto result = cli_.run("dump -m tiny --format npy -o folder --ids bad.json");
  EXPECT_EQ(result.exit_code, 2) << result.err;
  for (const auto& entry : std::filesystem::directory_iterator(cli_.path(""))) {
    EXPECT_EQ(entry.path().filename().string().find("folder"), std::string::npos) << entry.path();
  }
}

TEST_F(CliDump, SaysTheSizeFirst) {
  const auto result = cli_.run("dump -m tiny --ids ids.json --tokens 2:6 --precision f64 -o out");
  const size_t size = result.err.find("writing 2 tensors, positions 2 to 5 of 50 tokens, 4.39 KiB, to out");
  EXPECT_NE(size, std::string::npos) << result.err;  // 4 * 128 * 8 + 50 * 8 bytes
}

TEST_F(CliDump, FlagsThatMeanNothingAreRefused) {
  for (const auto& [flags, part] :
       {std::pair{"--tokens 5:5", "is empty"}, std::pair{"--tokens 40:51", "only 50 tokens"},
        std::pair{"--tokens 3", "all, last or A:B"}, std::pair{"--tokens -1:3", "--tokens"},
        std::pair{"--score-rows 3", "no effect"}, std::pair{"--format csv", "safetensors|npy"},
        std::pair{"--points 'logits,'", "empty name"}}) {
    const auto result = cli_.run(std::string("dump -m tiny --ids ids.json -o out ") + flags);
    EXPECT_EQ(result.exit_code, 2) << flags << result.err;
    EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
    EXPECT_FALSE(std::filesystem::exists(cli_.path("out")));
  }
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
