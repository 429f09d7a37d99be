// SPDX-License-Identifier: MIT
#include "model/fingerprint.h"

#include <gtest/gtest.h>

#include <set>

#include "test/tiny_model.h"

namespace proxima {
namespace {

class FingerprintTest : public testing::Test {
 protected:
  std::string of(const test::TinyModelOptions& options) {
    const auto dir = folder_.path() / std::to_string(n_models_++);
    write_tiny_model(dir, options);
    return checkpoint_fingerprint(Checkpoint(dir));
  }
  const test::TemporaryFolder folder_;
  int n_models_ = 0;
};

TEST_F(FingerprintTest, DependsOnTheTensorsOnly) {
  const test::TinyModelOptions plain;
  const std::string fingerprint = of(plain);
  EXPECT_EQ(fingerprint.size(), 16U);
  EXPECT_EQ(fingerprint.find_first_not_of("0123456789abcdef"), std::string::npos);
  test::TinyModelOptions moved;
  moved.n_shards = 3;
  moved.header_padding = 5;
  moved.max_position = 99;
  EXPECT_EQ(of(moved), fingerprint);
}

TEST_F(FingerprintTest, ChangesWithSeedDtypeAndShape) {
  std::set<std::string> seen;
  test::TinyModelOptions options;
  seen.insert(of(options));
  options.seed = 2;
  seen.insert(of(options));
  options.dtype = DType::kBF16;
  seen.insert(of(options));
  options.tied = true;
  seen.insert(of(options));
  options.layers = 3;
  seen.insert(of(options));
  options.heads = 8;
  seen.insert(of(options));
  EXPECT_EQ(seen.size(), 6U);
}

// Written down once: results and saved caches of an older build must still be recognised.
TEST_F(FingerprintTest, StaysTheSameOverTime) {
  const auto dir = folder_.path() / "fixed";
  std::filesystem::create_directories(dir);
  std::vector<double> values(3000);
  for (size_t index = 0; index < values.size(); ++index) values[index] = static_cast<double>(index);
  test::write_tensors(dir / "model.safetensors", {{"long", DType::kF32, {30, 100}}, {"short", DType::kF32, {2}}},
                      {values, {1.0, 2.0}});
  EXPECT_EQ(checkpoint_fingerprint(Checkpoint(dir)), "46245c153a491dc7");
}

// The ends of a long tensor are always among the samples.
TEST_F(FingerprintTest, SeesBothEndsOfALongTensor) {
  std::set<std::string> seen;
  for (const size_t changed : {SIZE_MAX, size_t{0}, size_t{2999}}) {
    const auto dir = folder_.path() / std::to_string(changed);
    std::filesystem::create_directories(dir);
    std::vector<double> values(3000, 1.0);
    if (changed < values.size()) values[changed] = 2.0;
    test::write_tensors(dir / "model.safetensors", {{"long", DType::kF32, {3000}}}, {values});
    seen.insert(checkpoint_fingerprint(Checkpoint(dir)));
  }
  EXPECT_EQ(seen.size(), 3U);
}

// Every number that changes what a layer computes changes the fingerprint; the rest of the config does not.
TEST(ConfigFingerprintTest, SeesEachNumber) {
  ModelConfig plain;
  plain.model_type = "llama";
  plain.layers.resize(2);
  std::set<std::string> seen = {config_fingerprint(plain)};
  size_t n = 1;
  const auto expect_new = [&](auto change) {
    ModelConfig config = plain;
    change(config);
    seen.insert(config_fingerprint(config));
    EXPECT_EQ(seen.size(), ++n);
  };
  expect_new([](ModelConfig& c) { c.model_type = "qwen3"; });
  for (const auto member :
       {&ModelConfig::n_layers, &ModelConfig::hidden, &ModelConfig::n_heads, &ModelConfig::n_kv_heads,
        &ModelConfig::head_dim, &ModelConfig::intermediate, &ModelConfig::vocab}) {
    expect_new([&](ModelConfig& c) { c.*member = 7; });
  }
  for (const auto member : {&ModelConfig::qkv_bias, &ModelConfig::o_bias, &ModelConfig::mlp_bias, &ModelConfig::qk_norm,
                            &ModelConfig::post_norms, &ModelConfig::tie_embeddings}) {
    expect_new([&](ModelConfig& c) { c.*member = true; });
  }
  for (const auto member :
       {&ModelConfig::rms_norm_eps, &ModelConfig::norm_offset, &ModelConfig::embed_scale, &ModelConfig::attention_scale,
        &ModelConfig::attention_softcap, &ModelConfig::logit_softcap}) {
    expect_new([&](ModelConfig& c) { c.*member = 0.25; });
  }
  expect_new([](ModelConfig& c) { c.layers[0].window = 5; });
  expect_new([](ModelConfig& c) { c.layers[1].window = 5; });
  expect_new([](ModelConfig& c) { c.activation = Activation::kGeluTanh; });
  ModelConfig same = plain;
  same.bos_id = 3;
  same.eos_ids = {4};
  EXPECT_TRUE(seen.contains(config_fingerprint(same)));
}

TEST(RopeFingerprintTest, SeesWhatRotates) {
  ModelConfig plain;
  plain.layers.assign(2, {.rope = {.n_dims = 8, .max_position = 100}});
  std::set<std::string> seen = {rope_fingerprint(plain, 50)};
  EXPECT_TRUE(seen.contains(rope_fingerprint(plain, 5000)));
  size_t n = 1;
  const auto expect_new = [&](size_t length, auto change) {
    ModelConfig config = plain;
    change(config.layers[1].rope);
    seen.insert(rope_fingerprint(config, length));
    EXPECT_EQ(seen.size(), ++n);
  };
  expect_new(50, [](RopeParameters& r) { r.theta = 10001; });
  expect_new(50, [](RopeParameters& r) { r.n_dims = 6; });
  expect_new(50, [](RopeParameters& r) { r.n_dims = 0; });
  expect_new(50, [](RopeParameters& r) { r.attention_factor = 1.5; });
  expect_new(50, [](RopeParameters& r) { r.kind = RopeKind::kLinear, r.factor = 2; });
  const auto dynamic = [](RopeParameters& r) { r.kind = RopeKind::kDynamic, r.factor = 2; };
  expect_new(200, dynamic);
  expect_new(201, dynamic);
}

TEST(TokenizerFingerprintTest, IsOfTheFileThatIsOpened) {
  const test::TemporaryFolder folder;
  EXPECT_EQ(tokenizer_fingerprint(folder.path()), "none");
  test::write_text(folder.path() / "tokenizer_config.json", "{}");
  test::write_text(folder.path() / "tokenizer.model", "a");
  std::set<std::string> seen = {tokenizer_fingerprint(folder.path())};
  test::write_text(folder.path() / "tokenizer_config.json", "{ }");
  seen.insert(tokenizer_fingerprint(folder.path()));
  test::write_text(folder.path() / "tokenizer.model", "b");
  seen.insert(tokenizer_fingerprint(folder.path()));
  test::write_text(folder.path() / "tokenizer.json", "b");
  const std::string of_json = tokenizer_fingerprint(folder.path());
  seen.insert(of_json);
  EXPECT_EQ(seen.size(), 4U);
  test::write_text(folder.path() / "tokenizer_config.json", "{}");
  EXPECT_EQ(tokenizer_fingerprint(folder.path()), of_json);
}

}  // namespace
}  // namespace proxima
