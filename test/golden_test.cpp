// SPDX-License-Identifier: MIT
// Golden vectors that other implementations computed: shared/golden beside the source folder, or below PROXIMA_SHARED.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "model/generator.h"
#include "test/reference_transformer.h"
#include "test/run_model.h"
#include "test/stored_matrix.h"

namespace proxima {
namespace {

using nlohmann::json;

json read_json(const std::filesystem::path& path) {
  std::ifstream in(path);
  return json::parse(in);
}

struct Fixture {
  explicit Fixture(const std::filesystem::path& dir)
      : model(open_model(dir)),
        tokens(read_json(dir / "tokens.json")),
        meta(read_json(dir / "meta.json")),
        golden(dir / "golden.safetensors") {
    ids = tokens.at("input_ids").get<std::vector<TokenId>>();
  }
  std::vector<double> tensor(const std::string& name) const {
    const TensorView& view = golden.tensors().find(name)->second;
    std::vector<double> values(view.n_elements());
    for (size_t k = 0; k < values.size(); ++k) {
      values[k] = test::decode(view.dtype, view.data + k * dtype_bytes(view.dtype));
    }
    return values;
  }

  Model model;
  json tokens;
  json meta;
  SafetensorsFile golden;
  std::vector<TokenId> ids;
};

std::filesystem::path golden_folder() {
  const char* shared = std::getenv("PROXIMA_SHARED");
  return std::filesystem::path(shared != nullptr ? shared : PROXIMA_SOURCE_DIR "/../shared") / "golden";
}

std::vector<std::string> fixture_names() {
  std::vector<std::string> names;
  std::error_code absent;
  for (const auto& entry : std::filesystem::directory_iterator(golden_folder(), absent)) {
    if (entry.is_directory()) names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class GoldenTest : public ::testing::Test {
 protected:
  void SetUp() override {
    names_ = fixture_names();
    if (names_.empty()) GTEST_SKIP() << "no golden vectors in " << golden_folder() << " (set PROXIMA_SHARED)";
  }
  template <class F>
  void for_each_fixture(F f) const {
    std::map<std::string, size_t> n_compared;  // by family
    for (const std::string& name : names_) {
      SCOPED_TRACE(name);
      const Fixture fixture(golden_folder() / name);
      f(name, fixture);
      ++n_compared[fixture.model.config.model_type];
    }
    for (const auto& [family, n] : n_compared) std::printf("%-12s %zu fixtures compared\n", family.c_str(), n);
    EXPECT_EQ(names_.size(), 20U);
    EXPECT_EQ(n_compared.size(), 7U);
  }

  std::vector<std::string> names_;
};

template <class T>
std::vector<T> joined(const std::vector<std::vector<T>>& parts) {
  std::vector<T> whole;
  for (const auto& part : parts) whole.insert(whole.end(), part.begin(), part.end());
  return whole;
}

// What a fixture pins down of a run, under the golden tensors' names.
std::vector<std::pair<std::string, std::vector<double>>> named(const Fixture& fixture, const reference::Result& run) {
  std::vector<std::pair<std::string, std::vector<double>>> tensors = {{"logits", run.logits},
                                                                      {"hidden_states", joined(run.hidden)},
                                                                      {"keys", joined(run.keys)},
                                                                      {"values", joined(run.values)}};
  for (const size_t layer : fixture.meta.at("golden").at("attn_layers")) {
    tensors.emplace_back("attn_probs." + std::to_string(layer), run.scores.at(layer));
  }
  return tensors;
}

void expect_float64_agreement(const Fixture& fixture, const reference::Result& run, double* largest) {
  for (const auto& [name, got] : named(fixture, run)) {
    const auto expected = fixture.tensor(name);
    ASSERT_EQ(got.size(), expected.size()) << name;
    const bool rounded = fixture.golden.tensors().find(name)->second.dtype == DType::kF32;
    for (size_t k = 0; k < got.size(); ++k) {
      const double tolerance = 1e-8 + (1e-8 + (rounded ? 1.2e-7 : 0)) * std::abs(expected[k]);
      ASSERT_NEAR(got[k], expected[k], tolerance) << name << " element " << k;
      if (!rounded) *largest = std::max(*largest, std::abs(got[k] - expected[k]));
    }
  }
}

TEST_F(GoldenTest, TheReferenceItselfAgrees) {
  for_each_fixture([](const std::string& name, const Fixture& fixture) {
    double largest = 0;
    expect_float64_agreement(fixture, reference::run(fixture.model, fixture.ids, {.keep_scores = true}), &largest);
    std::printf("%-20s logits within %.2e\n", name.c_str(), largest);
  });
}

TEST_F(GoldenTest, Float64WithinItsTolerance) {
  for_each_fixture([](const std::string& name, const Fixture& fixture) {
    double largest = 0;
    for (const size_t chunk : {size_t{1}, size_t{7}, fixture.ids.size()}) {
      expect_float64_agreement(
          fixture, test::run_model(fixture.model, fixture.ids, {.chunk = chunk, .keep_scores = true}), &largest);
    }
    std::printf("%-20s logits within %.2e\n", name.c_str(), largest);
  });
}

TEST_F(GoldenTest, Float32WithinItsTolerance) {
  for_each_fixture([](const std::string& name, const Fixture& fixture) {
    const auto run =
        test::run_model(fixture.model, fixture.ids, {.precision = Precision::kF32, .chunk = 16, .keep_scores = true});
    for (const auto& [tensor, got] : named(fixture, run)) {
      const double tolerance =
          fixture.meta.at("tolerance").at("float32_runtime_atol").at(tensor.substr(0, tensor.find('.')));
      const auto error = test::deviation(got, fixture.tensor(tensor));
      EXPECT_LE(error.largest, tolerance) << tensor;
      std::printf("%-20s %-14s within %.2e of %.2e allowed\n", name.c_str(), tensor.c_str(), error.largest, tolerance);
    }
  });
}

// Prefill in chunks, a product with few rows and decode take different ways through `fast`.
TEST_F(GoldenTest, FastWithinFourTimesTheErrorOfRoundingToBf16) {
  for_each_fixture([](const std::string& name, const Fixture& fixture) {
    const auto golden = fixture.tensor("logits");
    const auto oracle =
        test::deviation(reference::run(fixture.model, fixture.ids, {.round_bf16 = true}).logits, golden);
    for (const SimdTarget target : supported_simd_targets()) {
      for (const size_t chunk : {size_t{1}, size_t{7}, fixture.ids.size()}) {
        const auto run = test::run_model(fixture.model, fixture.ids,
                                         {.precision = Precision::kFast, .chunk = chunk, .target = target});
        const auto error = test::deviation(run.logits, golden);
        EXPECT_LE(error.largest, 4 * oracle.largest) << simd_target_name(target) << " chunk " << chunk;
        EXPECT_LE(error.mean, 4 * oracle.mean) << simd_target_name(target) << " chunk " << chunk;
        if (target != supported_simd_targets().back()) continue;
        std::printf("%-20s chunk %2zu: largest error %.3f, mean %.3f of the oracle's\n", name.c_str(), chunk,
                    error.largest / oracle.largest, error.mean / oracle.mean);
      }
    }
  });
}

std::vector<TokenId> greedy(const Model& model, const std::vector<TokenId>& prompt, size_t n, Precision precision) {
  const TransformerLimits limits{prompt.size() + n, 16};
  const auto transformer =
      Transformer::create(model, {&kernels_for(supported_simd_targets().back()), 1}, precision, limits);
  const auto cache = test::make_cache(model, limits.max_context, {.precision = precision, .chunk = limits.max_chunk});
  Generator generator(*transformer, *cache);
  Sampler sampler({});
  std::vector<TokenId> ids;
  generator.read_prompt(prompt, n);
  const auto reason = generator.generate(n, sampler, {}, [&](TokenId id) {
    ids.push_back(id);
    return true;
  });
  EXPECT_EQ(reason, StopReason::kLength);
  return ids;
}

TEST_F(GoldenTest, GreedyIds) {
  for_each_fixture([](const std::string& name, const Fixture& fixture) {
    if (fixture.model.config.layers[0].rope.kind == RopeKind::kDynamic)
      return;  // decodes past the length its rotation is for
    for (const Precision precision : {Precision::kF64, Precision::kF32}) {
      const auto expected = fixture.tokens.at("greedy_ids").get<std::vector<TokenId>>();
      EXPECT_EQ(greedy(fixture.model, fixture.ids, expected.size(), precision), expected);
      if (!fixture.tokens.contains("bos_greedy_ids")) continue;
      const auto from_bos = fixture.tokens.at("bos_greedy_ids").get<std::vector<TokenId>>();
      EXPECT_EQ(from_bos.size(), 200U);
      EXPECT_EQ(greedy(fixture.model, {fixture.model.config.bos_id.value()}, from_bos.size(), precision), from_bos);
      std::printf("%s: %zu tokens from BOS\n", name.c_str(), from_bos.size());
    }
  });
}

}  // namespace
}  // namespace proxima
