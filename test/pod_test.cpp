// SPDX-License-Identifier: MIT
// The runtime's PoD, one softmax over segments of a ring and a shared store, against the paper's two softmaxes and gate
// in slow double arithmetic.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "test/random.h"
#include "test/random_map.h"
#include "test/reference_attention.h"
#include "test/run_model.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

using test::Random;

test::TinyModelOptions random_model(Random& random) {
  constexpr size_t kHeadSizes[] = {8, 10, 14};
  constexpr DType kDTypes[] = {DType::kF32, DType::kBF16, DType::kF16};
  const char* const ropes[] = {
      R"("rope_theta": 10000.0, "rope_scaling": null)",
      R"("rope_theta": 500.0, "rope_scaling": {"rope_type": "linear", "factor": 2.0})",
      R"("rope_theta": 10000.0, "rope_scaling": {"rope_type": "dynamic", "factor": 2.0})",
      R"("rope_theta": 5000.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
         "high_freq_factor": 4.0, "original_max_position_embeddings": 64})"};
  test::TinyModelOptions options;
  options.hidden = 24 + random.below(20);
  options.layers = random.between(2, 6);
  options.kv_heads = random.between(1, 3);
  options.heads = options.kv_heads * random.between(1, 3);
  options.head_dim = kHeadSizes[random.below(3)];
  options.intermediate = random.between(30, 60);
  options.vocab = random.between(40, 90);
  options.max_position = 4096;
  options.attention_bias = random.below(2) == 0;
  options.mlp_bias = random.below(2) == 0;
  options.tied = random.below(2) == 0;
  options.dtype = kDTypes[random.below(3)];
  options.rope_json = ropes[random.below(4)];
  options.header_padding = random.below(3);
  options.seed = random.next();
  return options;
}

TEST(PodTest, AgreesWithTheGatedSumOfTwoSoftmaxes) {
  Random random(1);
  double largest = 0;
  size_t n_runs = 0, n_wrapped = 0;
  for (int round = 0; round < 24; ++round) {
    const test::TemporaryFolder folder;
    test::write_tiny_model(folder.path(), random_model(random));
    const Model model = open_model(folder.path());
    SharingMap map = test::random_map(cache_geometry(model.config), random);
    if (round % 4 == 0) map.nr = 1;
    const size_t n_tokens = round % 8 == 1 ? random.between(500, 600) : random.between(1, 160);
    const auto ids = test::random_ids(n_tokens, model.config.vocab, random.next());
    const auto expected = reference::run(model, ids, {.pod = &map, .keep_scores = n_tokens < 200});
    if (n_tokens > map.ns + 2 * map.nr) ++n_wrapped;
    for (const size_t chunk : {size_t{1}, size_t{7}, size_t{64}, n_tokens}) {
      const size_t n_prompt = random.below(2) == 0 ? n_tokens : random.between(1, n_tokens);
      SCOPED_TRACE("round " + std::to_string(round) + " T " + std::to_string(n_tokens) + " ns " +
                   std::to_string(map.ns) + " nr " + std::to_string(map.nr) + " chunk " + std::to_string(chunk) +
                   " prompt " + std::to_string(n_prompt));
      const auto run = test::run_model(
          model, ids, {.map = &map, .chunk = chunk, .n_prompt = n_prompt, .keep_scores = n_tokens < 200});
      const double error = test::deviation(run.logits, expected.logits).largest;
      ASSERT_LT(error, 1e-10);
      largest = std::max(largest, error);
      for (size_t layer = 0; layer < model.config.n_layers; ++layer) {
        ASSERT_LT(test::deviation(run.hidden[layer + 1], expected.hidden[layer + 1]).largest, 1e-10);
        ASSERT_LT(test::deviation(run.keys[layer], expected.keys[layer]).largest, 1e-10);
        ASSERT_LT(test::deviation(run.values[layer], expected.values[layer]).largest, 1e-10);
      }
      ASSERT_EQ(run.scores.size(), expected.scores.size());
      for (size_t layer = 0; layer < run.scores.size(); ++layer) {
        ASSERT_LT(test::deviation(run.scores[layer], expected.scores[layer]).largest, 1e-10);
      }
      ++n_runs;
    }
  }
  EXPECT_GT(n_wrapped, 10U);
  std::printf("%zu runs, logits within %.2e; rings wrapped for %zu of 24 models\n", n_runs, largest, n_wrapped);
}

// `fast` keeps its bound with PoD as without.
TEST(PodTest, FastWithinFourTimesTheErrorOfRoundingToBf16) {
  Random random(2);
  double worst = 0;
  for (int round = 0; round < 8; ++round) {
    const test::TemporaryFolder folder;
    auto options = random_model(random);
    options.hidden = 64, options.dtype = DType::kBF16;
    test::write_tiny_model(folder.path(), options);
    const Model model = open_model(folder.path());
    const SharingMap map = test::random_map(cache_geometry(model.config), random);
    const auto ids = test::random_ids(200, model.config.vocab, random.next());
    const auto exact = reference::run(model, ids, {.pod = &map}).logits;
    const auto oracle = test::deviation(reference::run(model, ids, {.pod = &map, .round_bf16 = true}).logits, exact);
    for (const size_t chunk : {1U, 7U, 64U, 200U}) {
      const auto run = test::run_model(model, ids, {.precision = Precision::kFast, .map = &map, .chunk = chunk});
      const auto error = test::deviation(run.logits, exact);
      EXPECT_LE(error.largest, 4 * oracle.largest) << "chunk " << chunk;
      EXPECT_LE(error.mean, 4 * oracle.mean) << "chunk " << chunk;
      worst = std::max({worst, error.largest / oracle.largest, error.mean / oracle.mean});
    }
  }
  std::printf("fast: at most %.2f times the error of the oracle\n", worst);
}

// The oracle's own identity: the gated sum is one softmax over the mixed logits.
TEST(PodTest, TheGatedSumIsOneSoftmax) {
  Random random(3);
  for (int round = 0; round < 200; ++round) {
    const size_t n_near = random.between(1, 30), n_far = random.below(30), d = 8;
    const auto rows = random.numbers<double>(2 * (n_near + n_far) * d, 4), q = random.numbers<double>(d, 4);
    reference::KeyValueRows near, far, all;
    for (size_t j = 0; j < n_near + n_far; ++j) {
      const double* key = rows.data() + 2 * j * d;
      (j < n_near ? near : far).add(key, key + d);
      all.add(key, key + d);
    }
    const auto gated = reference::attend_gated(q.data(), near, far, d, 0.35);
    const auto joint = reference::attend(q.data(), all, d, 0.35);
    EXPECT_LT(test::deviation(gated.out, joint.out).largest, 1e-13);
    EXPECT_LT(test::deviation(gated.weights, joint.weights).largest, 1e-13);
    EXPECT_NEAR(gated.log_sum_exp, joint.log_sum_exp, 1e-13);
  }
}

}  // namespace
}  // namespace proxima
