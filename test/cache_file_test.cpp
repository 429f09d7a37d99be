// SPDX-License-Identifier: MIT
#include "model/cache_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "model/generator.h"
#include "test/expect_error.h"
#include "test/planted.h"
#include "test/run_model.h"
#include "test/stored_matrix.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

const SharingMap kMap{3, 2, 3, 9, {{0, 2}, {0}}};

class CacheFileTest : public ::testing::Test {
 protected:
  CacheFileTest() { test::write_tiny_model(dir(), options_); }

  std::filesystem::path dir() const { return folder_.path() / "model"; }
  std::filesystem::path path() const { return folder_.path() / "kv"; }
  static std::unique_ptr<Transformer> transformer(const Model& model, Precision precision, size_t chunk = 16) {
    return Transformer::create(model, default_compute(), precision, {200, chunk});
  }
  static std::unique_ptr<KvCache> cache(const Model& model, const CacheSettings& settings, size_t chunk = 16) {
    return make_cache(settings.cache, cache_geometry(model.config),
                      {200, chunk, settings.key_dtype, settings.value_dtype});
  }
  static CacheSettings settings_of(Precision precision, const SharingMap* map = nullptr) {
    const DType dtype = default_cache_dtype(precision);
    return {precision, dtype, dtype, map != nullptr ? CacheChoice{CacheKind::kPod, *map} : CacheChoice{}};
  }
  // Reads ids and saves them.
  void save(const Model& model, const CacheSettings& settings, const std::vector<TokenId>& ids) {
    const auto runner = transformer(model, settings.precision);
    const auto kept = cache(model, settings);
    Generator(*runner, *kept).read_prompt(ids, 0);
    save_cache(path(), model, settings, {ids, "before", "after", false}, *kept);
  }
  // What the two files must have in common, or not.
  void expect_refused(const test::TinyModelOptions& other, const std::string& part) {
    const auto elsewhere = folder_.path() / "other";
    std::filesystem::remove_all(elsewhere);
    test::write_tiny_model(elsewhere, other);
    const Model model = open_model(elsewhere);
    const CacheFile file(path());
    test::expect_error(ErrorKind::kInput, part, [&] { file.check_model(model); });
  }

  const test::TinyModelOptions options_{.layers = 3};
  const test::TemporaryFolder folder_;
};

TEST_F(CacheFileTest, BlocksAreBytesInTheFile) {
  const test::TemporaryFolder wide;
  test::write_tiny_model(wide.path(), {.layers = 3, .head_dim = 32});
  const Model model = open_model(wide.path());
  const CacheSettings settings{Precision::kFast, DType::kQ8_0, DType::kBF16, {}};
  save(model, settings, test::random_ids(20, model.config.vocab, 3));
  const SafetensorsFile file(path());
  EXPECT_EQ(file.metadata().at("key_dtype"), "Q8_0");
  const TensorView& keys = file.tensors().at("layers.1.heads.0.keys");
  EXPECT_EQ(keys.dtype, DType::kU8);
  EXPECT_EQ(keys.shape, (std::vector<size_t>{20, 34}));
  EXPECT_EQ(file.tensors().at("layers.1.heads.0.values").dtype, DType::kBF16);
  EXPECT_EQ(CacheFile(path()).settings(), settings);
}

// 20 tokens after a restored prompt of 90, then 10 more one by one: the logits of a run that was never saved.
TEST_F(CacheFileTest, RestoredIsFreshToTheBit) {
  const Model model = open_model(dir());
  const auto ids = test::random_ids(120, model.config.vocab, 3);
  const auto continued = [&](KvCache& kept, Transformer& runner) {
    Generator generator(runner, kept);
    generator.read_prompt(std::span(ids).subspan(90, 20), 10);
    std::vector<double> all(generator.logits().begin(), generator.logits().end());
    for (size_t k = 110; k < 120; ++k) {
      runner.forward(std::span(ids).subspan(k, 1), kept, true);
      all.insert(all.end(), runner.logits().begin(), runner.logits().end());
    }
    return all;
  };
  for (const Precision precision : {Precision::kF64, Precision::kF32, Precision::kFast}) {
    for (const SharingMap* map : {static_cast<const SharingMap*>(nullptr), &kMap}) {
      SCOPED_TRACE(std::string(precision_name(precision)) + (map != nullptr ? " pod" : " dense"));
      const CacheSettings settings = settings_of(precision, map);
      const auto runner = transformer(model, precision);
      const auto fresh = cache(model, settings);
      Generator(*runner, *fresh).read_prompt(std::span(ids).first(90), 0);
      save_cache(path(), model, settings, {{ids.begin(), ids.begin() + 90}, "", ""}, *fresh);
      const auto expected = continued(*fresh, *runner);

      const CacheFile file(path());
      file.check_model(model);
      EXPECT_EQ(file.settings(), settings);
      for (int question = 0; question < 2; ++question) {  // each from the same state
        const auto restored = cache(model, settings);
        file.restore(*restored);
        EXPECT_TRUE(test::same_bits(continued(*restored, *transformer(model, precision)), expected));
      }
      if (precision == Precision::kFast) continue;  // the same chunks are part of its promise
      const auto other = cache(model, settings, 7);
      file.restore(*other);
      EXPECT_TRUE(test::same_bits(continued(*other, *transformer(model, precision, 7)), expected));
      const auto whole = test::run_model(model, ids, {.precision = precision, .map = map}).logits;
      EXPECT_TRUE(test::same_bits({whole.end() - 11 * 128, whole.end()}, expected));
    }
  }
}

TEST_F(CacheFileTest, HoldsTheTokensTheTextAndOnlyValidRows) {
  const Model model = open_model(dir());
  const auto ids = test::random_ids(50, model.config.vocab, 4);
  save(model, settings_of(Precision::kF32, &kMap), ids);
  const CacheFile file(path());
  EXPECT_EQ(file.prompt().ids, ids);
  EXPECT_EQ(file.prompt().before, "before");
  EXPECT_EQ(file.prompt().after, "after");
  EXPECT_FALSE(file.prompt().add_special);
  EXPECT_EQ(file.model_dir(), dir());
  const SafetensorsFile raw(path());
  EXPECT_EQ(raw.tensors().at("layers.0.heads.1.keys").shape, (std::vector<size_t>{50, 16}));
  EXPECT_EQ(raw.tensors().at("layers.1.heads.0.keys").shape, (std::vector<size_t>{12, 16}));
  EXPECT_EQ(raw.tensors().at("layers.1.heads.0.keys.ranges").shape, (std::vector<size_t>{2, 2}));
  EXPECT_EQ(raw.tensors().at("layers.2.heads.1.values").shape, (std::vector<size_t>{50, 16}));
  EXPECT_EQ(raw.tensors().size(), 3U + 2 * 3 * 2 * 2);
}

TEST_F(CacheFileTest, AnotherModelIsRefusedByWhatDiffers) {
  test::write_text(dir() / "tokenizer.json", "{}");
  save(open_model(dir()), settings_of(Precision::kF32), {1, 2, 3, 4, 5});
  CacheFile(path()).check_model(open_model(dir()));
  auto other = options_;
  other.seed = 2;
  expect_refused(other, "other weights");
  other = options_;
  other.rope_json = R"("rope_theta": 10001.0)";
  expect_refused(other, "another rotation (RoPE)");
  other = options_;
  other.family_json = R"("sliding_window": 2,)", other.model_type = "mistral";
  expect_refused(other, "another config.json");
  expect_refused(options_, "another tokenizer");  // it has none
  test::write_text(dir() / "tokenizer.json", "{ }");
  const CacheFile file(path());
  test::expect_error(ErrorKind::kInput, "another tokenizer", [&] { file.check_model(open_model(dir())); });
}

// Dynamic scaling rotates by the length of the prompt; what was saved says for which length.
TEST_F(CacheFileTest, TheRotationIsThatOfTheSavedLength) {
  auto scaled = options_;
  scaled.max_position = 64;
  scaled.rope_json = R"("rope_theta": 10000.0, "rope_scaling": {"rope_type": "dynamic", "factor": 4.0})";
  test::write_tiny_model(dir(), scaled);
  const Model model = open_model(dir());
  EXPECT_EQ(rope_length_limit(model.config.layers[0].rope, 64), 64U);
  const auto ids = test::random_ids(60, model.config.vocab, 4);
  save(model, settings_of(Precision::kF64), ids);
  const CacheFile file(path());
  file.check_model(model);
  const auto kept = cache(model, file.settings());
  file.restore(*kept);
  const auto runner = transformer(model, Precision::kF64);
  Generator generator(*runner, *kept);
  test::expect_error(ErrorKind::kContext, "64", [&] { generator.read_prompt(std::vector<TokenId>(5, 1), 0); });
  generator.read_prompt(std::vector<TokenId>(4, 1), 0);
}

// Beyond its original length longrope rotates with other factors, whatever is appended.
TEST_F(CacheFileTest, LongropeGoesOnWithTheFactorsOfTheSavedLength) {
  auto scaled = options_;
  scaled.model_type = "phi3";
  scaled.max_position = 512;
  scaled.rope_json =
      R"("original_max_position_embeddings": 64, "rope_theta": 10000.0, "rope_scaling": {"type": "longrope",
 "short_factor": [1, 1, 1, 1, 1, 1, 1, 1], "long_factor": [2, 3, 4, 5, 6, 7, 8, 9]})";
  test::write_tiny_model(dir(), scaled);
  const Model model = open_model(dir());
  const auto ids = test::random_ids(100, model.config.vocab, 4);
  const auto whole = test::run_model(model, ids, {}).logits;
  save(model, settings_of(Precision::kF64), {ids.begin(), ids.begin() + 80});
  const CacheFile file(path());
  file.check_model(model);
  const auto kept = cache(model, file.settings());
  file.restore(*kept);
  const auto runner = transformer(model, Precision::kF64);
  Generator generator(*runner, *kept);
  generator.read_prompt(std::span(ids).subspan(80), 0);
  const std::vector<double> got(generator.logits().begin(), generator.logits().end());
  EXPECT_TRUE(test::same_bits(got, {whole.end() - static_cast<std::ptrdiff_t>(got.size()), whole.end()}));
}

// Cut at any byte it is refused, by a file error that names it; the model is never asked.
TEST_F(CacheFileTest, TruncatedAtAnyByteIsRefused) {
  auto small = options_;
  small.layers = 1, small.hidden = 8, small.heads = small.kv_heads = 1, small.head_dim = 4, small.intermediate = 8;
  test::write_tiny_model(dir(), small);
  save(open_model(dir()), settings_of(Precision::kF32), {1, 2, 3});
  const std::string whole = test::read_text(path());
  const auto cut = folder_.path() / "cut";
  size_t n_refused = 0;
  for (size_t size = 0; size < whole.size(); ++size) {
    test::write_text(cut, whole.substr(0, size));
    try {
      const CacheFile file(cut);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput) << size;
      EXPECT_NE(std::string(error.what()).find(cut.string()), std::string::npos) << error.what();
      ++n_refused;
    }
  }
  EXPECT_EQ(n_refused, whole.size());
  test::write_text(cut, whole);
  EXPECT_EQ(CacheFile(cut).prompt().ids.size(), 3U);
}

// Damage that a safetensors reader cannot see.
TEST_F(CacheFileTest, DamagedContentIsRefusedByName) {
  const Model model = open_model(dir());
  const auto ids = test::random_ids(40, model.config.vocab, 4);
  const auto expect = [&](const std::string& part, auto damage) {
    save(model, settings_of(Precision::kF32, &kMap), ids);
    damage();
    test::expect_error(ErrorKind::kInput, part, [&] {
      const CacheFile file(path());
      file.check_model(model);
      const auto kept = cache(model, file.settings());
      file.restore(*kept);
    });
  };
  const auto replace = [&](const std::string& from, const std::string& to) {
    std::string text = test::read_text(path());
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos);
    test::write_text(path(), text.replace(at, from.size(), to));
  };
  expect("not a cache file", [&] { replace("proxima.kv/1", "proxima.kv/2"); });
  expect("precision is", [&] { replace(R"("precision":"f32")", R"("precision":"f16")"); });
  expect("cache is", [&] { replace(R"("cache":"pod")", R"("cache":"pot")"); });
  expect("key_dtype is", [&] { replace(R"("key_dtype":"F32")", R"("key_dtype":"G32")"); });
  expect("other weights", [&] {
    std::string text = test::read_text(path());
    const std::string_view key = R"("weights":")";
    text[text.find(key) + key.size()] = 'g';
    test::write_text(path(), text);
  });
  expect("no rope", [&] { replace(R"("rope":)", R"("role":)"); });
  expect("layers.1.heads.0.keys", [&] { replace(R"(\"nr\":9)", R"(\"nr\":8)"); });
  expect("for 4 layers", [&] { replace(R"(\"layers\":3)", R"(\"layers\":4)"); });
  expect("not a token id", [&] { test::plant(path(), "input_ids", 3, 1, [](double) { return -1; }); });
  expect("outside the model's vocabulary", [&] { test::plant(path(), "input_ids", 3, 1, [](double) { return 128; }); });
  const auto plant_range = [&](const char* store, size_t index, double value) {
    test::plant(path(), std::string(store) + ".ranges", index, 1, [&](double) { return value; });
  };
  for (const auto& [index, value] : {std::pair<size_t, double>{0, -1}, {0, 1}, {0, 40}, {1, 0}, {1, 41}}) {
    expect("ranges of layers.0.heads.0.keys are not ascending",
           [&] { plant_range("layers.0.heads.0.keys", index, value); });
  }
  expect("ranges of layers.1.heads.0.keys are not ascending", [&] { plant_range("layers.1.heads.0.keys", 2, 2); });
  expect("has 40 rows but ranges for 39", [&] { plant_range("layers.0.heads.0.keys", 1, 39); });
  expect("layers.1.heads.1.values", [&] { test::remove_tensor(path(), "layers.1.heads.1.values"); });
  expect("layers.1.heads.1.values.ranges", [&] { test::remove_tensor(path(), "layers.1.heads.1.values.ranges"); });
  expect("prompt.after", [&] { test::remove_tensor(path(), "prompt.after"); });
  expect("extra.ranges", [&] { test::rename_tensor(path(), "layers.1.heads.1.values", "extra"); });
}

}  // namespace
}  // namespace proxima
