// SPDX-License-Identifier: MIT
// Every family, dense and PoD: the runtime against the formulas, and what it promises about bits.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "test/expect_error.h"
#include "test/random.h"
#include "test/random_map.h"
#include "test/run_model.h"
#include "test/stored_matrix.h"
#include "test/tiny_families.h"

namespace proxima {
namespace {

using test::Random;
using test::same_bits;

Model open(const test::TemporaryFolder& folder, const test::TinyModelOptions& options) {
  test::write_tiny_model(folder.path(), options);
  return open_model(folder.path());
}

// A digit a layer: the first layer of its class.
std::string classes(const ModelConfig& config) {
  std::string text;
  for (const size_t layer_class : cache_geometry(config).layer_class) text += std::to_string(layer_class);
  return text;
}

// The largest deviation of anything observed.
double deviation(const reference::Result& got, const reference::Result& expected) {
  double largest = test::deviation(got.logits, expected.logits).largest;
  const auto add = [&](const auto& a, const auto& b) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t k = 0; k < a.size(); ++k) largest = std::max(largest, test::deviation(a[k], b[k]).largest);
  };
  add(got.hidden, expected.hidden);
  add(got.keys, expected.keys);
  add(got.values, expected.values);
  add(got.scores, expected.scores);
  return largest;
}

TEST(FamiliesTest, AgreeWithTheFormulasDenseAndPod) {
  Random random(1);
  std::map<std::string, std::pair<size_t, double>> by_family;  // runs, largest deviation
  for (int round = 0; round < 3; ++round) {
    for (const auto& options : test::tiny_families(random.next())) {
      const test::TemporaryFolder folder;
      const Model model = open(folder, options);
      SharingMap map = test::random_map(cache_geometry(model.config), random);
      if (round == 0) map.nr = random.between(1, 12);  // shorter than any window
      const size_t n_tokens = round == 2 ? random.between(1, 60) : random.between(150, 260);
      const size_t n_prompt = random.below(2) == 0 ? n_tokens : random.between((n_tokens + 1) / 2, n_tokens);
      const auto ids = test::random_ids(n_tokens, options.vocab, random.next());
      for (const SharingMap* with : {static_cast<const SharingMap*>(nullptr), static_cast<const SharingMap*>(&map)}) {
        const auto expected = reference::run(model, ids, {.pod = with, .prompt_length = n_prompt, .keep_scores = true});
        for (const size_t chunk : {size_t{1}, size_t{7}, size_t{64}, n_tokens}) {
          SCOPED_TRACE(options.model_type + " round " + std::to_string(round) + " T " + std::to_string(n_tokens) +
                       " prompt " + std::to_string(n_prompt) + " chunk " + std::to_string(chunk) + " ns " +
                       std::to_string(map.ns) + " nr " + std::to_string(map.nr) + (with ? " pod" : " dense"));
          const auto run =
              test::run_model(model, ids, {.map = with, .chunk = chunk, .n_prompt = n_prompt, .keep_scores = true});
          const double error = deviation(run, expected);
          ASSERT_LT(error, 1e-10);
          auto& [n_runs, largest] = by_family[options.model_type];
          ++n_runs;
          largest = std::max(largest, error);
        }
      }
    }
  }
  for (const auto& [family, result] : by_family) {
    std::printf("%-12s %zu runs, everything within %.2e\n", family.c_str(), result.first, result.second);
  }
  EXPECT_EQ(by_family.size(), 8U);
}

// `fast` keeps its bound in every family.
TEST(FamiliesTest, FastWithinFourTimesTheErrorOfRoundingToBf16) {
  Random random(2);
  for (auto options : test::tiny_families(3)) {
    SCOPED_TRACE(options.model_type);
    options.hidden = 64;
    const test::TemporaryFolder folder;
    const Model model = open(folder, options);
    const SharingMap map = test::random_map(cache_geometry(model.config), random);
    const auto ids = test::random_ids(200, options.vocab, random.next());
    const auto exact = reference::run(model, ids, {.pod = &map}).logits;
    const auto oracle = test::deviation(reference::run(model, ids, {.pod = &map, .round_bf16 = true}).logits, exact);
    double worst = 0;
    for (const size_t chunk : {1U, 7U, 64U, 200U}) {
      const auto run = test::run_model(model, ids, {.precision = Precision::kFast, .map = &map, .chunk = chunk});
      const auto error = test::deviation(run.logits, exact);
      EXPECT_LE(error.largest, 4 * oracle.largest) << "chunk " << chunk;
      EXPECT_LE(error.mean, 4 * oracle.mean) << "chunk " << chunk;
      worst = std::max({worst, error.largest / oracle.largest, error.mean / oracle.mean});
    }
    std::printf("%-12s fast: at most %.2f times the error of the oracle\n", options.model_type.c_str(), worst);
  }
}

TEST(FamiliesTest, NoMapMayCrossAChangeOfWindowOrRotation) {
  const std::map<std::string, std::string> expected = {
      {"llama", "0000"}, {"mistral", "0000"}, {"qwen2", "0022"},        {"qwen3", "0000"},
      {"phi3", "0000"},  {"gemma2", "0022"},  {"gemma3_text", "00200"}, {"smollm3", "00200"}};
  for (const auto& options : test::tiny_families()) {
    SCOPED_TRACE(options.model_type);
    const test::TemporaryFolder folder;
    const Model model = open(folder, options);
    const CacheGeometry geometry = cache_geometry(model.config);
    const std::string of = classes(model.config);
    EXPECT_EQ(of, expected.at(options.model_type));
    for (size_t joined = 1; joined < options.layers; ++joined) {  // to the layer below, all others alone
      SharingMap map{options.layers, options.kv_heads, 4, 8, {}};
      for (size_t head = 0; head < options.kv_heads; ++head) {
        auto& starts = map.block_starts.emplace_back();
        for (size_t layer = 0; layer < options.layers; ++layer) {
          if (layer != joined || head + 1 < options.kv_heads) starts.push_back(layer);
        }
      }
      if (of[joined] == of[joined - 1]) {
        map.validate(geometry, "M");
        continue;
      }
      test::expect_error(ErrorKind::kInput, "crosses layer " + std::to_string(joined),
                         [&] { map.validate(geometry, "M"); });
    }
  }
}

// Everything observed, bit by bit.
void expect_same(const reference::Result& a, const reference::Result& b) {
  EXPECT_TRUE(same_bits(a.logits, b.logits));
  for (size_t layer = 0; layer < a.hidden.size(); ++layer) EXPECT_TRUE(same_bits(a.hidden[layer], b.hidden[layer]));
}

// Every target meets every chunk, and either of them one thread and two. Scalar code is slow: half of its chunks run
// dense in f64 and PoD in f32, the others the other way round.
size_t expect_one_result(const Model& model, const std::vector<TokenId>& ids, Precision precision,
                         const SharingMap* map, const reference::Result& expected) {
  const size_t chunks[] = {1, 7, 64, ids.size()};
  size_t n_runs = 0, turn = 0;
  for (const SimdTarget target : supported_simd_targets()) {
    ++turn;
    for (size_t k = 0; k < 4; ++k) {
      const size_t other = (map != nullptr ? 1U : 0U) + (precision == Precision::kF32 ? 1U : 0U);
      if (target == SimdTarget::kScalar && (k / 2 + other) % 2 == 0) continue;
      const int n_threads = (k + turn) % 2 == 0 ? 2 : 1;
      SCOPED_TRACE(model.config.model_type + (map != nullptr ? " pod " : " dense ") +
                   std::string(simd_target_name(target)) + " threads " + std::to_string(n_threads) + " chunk " +
                   std::to_string(chunks[k]));
      expect_same(
          test::run_model(
              model, ids,
              {.precision = precision, .map = map, .chunk = chunks[k], .n_threads = n_threads, .target = target}),
          expected);
      ++n_runs;
    }
  }
  // Decoding is prefill in chunks of one.
  expect_same(test::run_model(model, ids, {.precision = precision, .map = map, .chunk = 64, .n_prompt = 500}),
              expected);
  expect_same(test::run_model(model, ids, {.precision = precision, .map = map, .chunk = 64, .saved_at = 333}),
              expected);
  return n_runs + 2;
}

TEST(FamiliesTest, TheBitsOfARunDependOnNothingButTheInput) {
  for (auto options : test::tiny_families(5)) {
    options.hidden = 24, options.heads = 2, options.kv_heads = 2 - options.kv_heads % 2, options.intermediate = 27;
    const test::TemporaryFolder folder;
    const Model model = open(folder, options);
    const CacheGeometry geometry = cache_geometry(model.config);
    SharingMap map{geometry.n_layers, geometry.n_kv_heads, 5, 15, {}};  // within the windows: distant tokens in all
    for (size_t head = 0; head < geometry.n_kv_heads; ++head) {
      auto& starts = map.block_starts.emplace_back(1, 0);
      for (size_t layer = 1; layer < geometry.n_layers; ++layer) {
        if (geometry.layer_class[layer] != geometry.layer_class[layer - 1] || (layer == 3 && head == 1)) {
          starts.push_back(layer);
        }
      }
    }
    map.validate(geometry, "test");
    const auto ids = test::random_ids(700, options.vocab, 1);
    size_t n_runs = 0;
    for (const Precision precision : {Precision::kF64, Precision::kF32}) {
      // Caches that keep what is beyond a window, too.
      const auto run = [&](const SharingMap* with) {
        return test::run_model(model, ids,
                               {.precision = precision, .map = with, .chunk = 350, .keep_everything = true});
      };
      const auto dense = run(nullptr), pod = run(&map);
      EXPECT_FALSE(same_bits(dense.logits, pod.logits)) << "the map must matter for the test to mean anything";
      n_runs += expect_one_result(model, ids, precision, nullptr, dense);
      n_runs += expect_one_result(model, ids, precision, &map, pod);
    }
    std::printf("%-12s %zu runs of %zu tokens, all of the same bits\n", options.model_type.c_str(), n_runs, ids.size());
  }
}

}  // namespace
}  // namespace proxima
