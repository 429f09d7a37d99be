// SPDX-License-Identifier: MIT
// Similarities between layers against divergences written out in double over the slow reference's attention rows, and
// the greedy choice against its definition.
#include "apps/explore_js.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "apps/map_steps.h"
#include "test/equal_key_model.h"
#include "test/random.h"
#include "test/random_map.h"
#include "test/run_model.h"
#include "test/tiny_families.h"

namespace proxima {
namespace {

using test::Random;

constexpr size_t kLength = 170;
constexpr size_t kQueries = 9;

template <class T>
PairTable similarities(const Model& model, const std::vector<std::vector<TokenId>>& samples,
                       const SimilarityOptions& options, int n_threads, size_t chunk = 37) {
  const bool f64 = std::is_same_v<T, double>;
  const DType dtype = f64 ? DType::kF64 : DType::kF32;
  const MemoryRequest request{f64 ? Precision::kF64 : Precision::kF32, {kLength, chunk}, n_threads, dtype, dtype};
  DenseRun<T> run(model, {&kernels_for(supported_simd_targets().back()), n_threads, 1}, request, kLength, kQueries);
  PairTable table(model.config.n_layers, model.config.n_kv_heads);
  for (const auto& ids : samples) {
    run.read({ids, kQueries}, [] { return true; });
    add_similarities(run, options, table);
  }
  return table;
}

// JSD = (KL(p || m) + KL(q || m)) / 2, m = (p + q) / 2, base 2; 0 log 0 = 0.
double divergence(const std::vector<double>& p, const std::vector<double>& q) {
  double sum = 0;
  for (size_t j = 0; j < p.size(); ++j) {
    const double m = (p[j] + q[j]) / 2;
    if (p[j] > 0) sum += p[j] * std::log2(p[j] / m) / 2;
    if (q[j] > 0) sum += q[j] * std::log2(q[j] / m) / 2;
  }
  return sum;
}

// Row of a query head, restricted to the distant positions and renormalised where asked; empty if there are none.
std::vector<double> row_of(const std::vector<double>& scores, size_t head, size_t query,
                           const SimilarityOptions& options) {
  const auto begin = scores.begin() + static_cast<ptrdiff_t>((head * kLength + query) * kLength);
  std::vector<double> row(begin, begin + kLength);
  if (!options.distant_only) return row;
  double sum = 0;
  for (size_t j = 0; j < kLength; ++j) {
    const bool distant = j >= options.ns && j + options.nr <= query;
    sum += row[j] = distant ? row[j] : 0;
  }
  if (sum == 0) return {};
  for (double& p : row) p /= sum;
  return row;
}

double expected_mean(const Model& model, const std::vector<reference::Result>& runs, const SimilarityOptions& options,
                     size_t kv_head, size_t a, size_t b) {
  double sum = 0, n = 0;
  const size_t group = model.config.n_heads / model.config.n_kv_heads;
  for (const auto& run : runs) {
    for (size_t query = kLength - kQueries; query < kLength; ++query) {
      for (size_t head = kv_head * group; head < (kv_head + 1) * group; ++head) {
        const auto p = row_of(run.scores[a], head, query, options), q = row_of(run.scores[b], head, query, options);
        if (p.empty() || q.empty()) continue;
        const double jsd = divergence(p, q);
        sum += 1 - (options.root ? std::sqrt(jsd) : jsd);
        ++n;
      }
    }
  }
  return sum / n;
}

TEST(ExploreJsTest, SimilaritiesAreThoseOfTheDefinition) {
  Random random(1);
  double largest = 0, largest_f32 = 0;
  size_t n_pairs = 0;
  for (const auto& family : test::tiny_families()) {
    SCOPED_TRACE(family.model_type);
    const test::TemporaryFolder folder;
    test::write_tiny_model(folder.path(), family);
    const Model model = open_model(folder.path());
    std::vector<std::vector<TokenId>> samples;
    std::vector<reference::Result> runs;
    for (int k = 0; k < 2; ++k) {
      samples.push_back(test::random_ids(kLength, model.config.vocab, random.next()));
      runs.push_back(reference::run(model, samples.back(), {.keep_scores = true}));
    }
    for (const SimilarityOptions& options :
         {SimilarityOptions{}, SimilarityOptions{true, false, 3, 12}, SimilarityOptions{true, true, 5, 25},
          SimilarityOptions{true, false, 0, kLength - 4}, SimilarityOptions{false, true}}) {
      const PairTable table = similarities<double>(model, samples, options, 2);
      const PairTable coarse = similarities<float>(model, samples, options, 1);
      for (const LayerRun& layers : layer_runs(cache_geometry(model.config))) {
        for (size_t head = 0; head < model.config.n_kv_heads; ++head) {
          for (size_t a = layers.begin; a < layers.end; ++a) {
            for (size_t b = a + 1; b < layers.end; ++b) {
              const double expected = expected_mean(model, runs, options, head, a, b);
              if (std::isnan(expected)) {  // within a window nothing is distant
                EXPECT_TRUE(std::isnan(table.mean(head, a, b)));
                continue;
              }
              // A root magnifies what a divergence near 0 loses.
              ASSERT_NEAR(table.mean(head, a, b), expected, options.root ? 1e-8 : 1e-12) << a << " " << b;
              ASSERT_NEAR(coarse.mean(head, a, b), expected, options.root ? 1e-3 : 1e-5);
              largest = std::max(largest, std::abs(table.mean(head, a, b) - expected));
              largest_f32 = std::max(largest_f32, std::abs(coarse.mean(head, a, b) - expected));
              ++n_pairs;
            }
          }
        }
      }
    }
  }
  EXPECT_GT(n_pairs, 200U);
  std::printf("%zu pairs, within %.1e in f64 and %.1e in f32\n", n_pairs, largest, largest_f32);
}

TEST(ExploreJsTest, LayersThatAttendAlikeHaveSimilarityOne) {
  const test::TemporaryFolder folder;
  test::write_equal_key_model(folder.path(), true);
  const Model model = open_model(folder.path());
  const std::vector<std::vector<TokenId>> samples = {test::random_ids(kLength, 50, 7)};
  for (const bool distant : {false, true}) {
    const PairTable table = similarities<float>(model, samples, {distant, true, 3, 40}, 1);
    for (size_t head = 0; head < 2; ++head) {
      EXPECT_EQ(table.mean(head, 0, 1), 1);
      EXPECT_EQ(table.mean(head, 2, 3), 1);
      EXPECT_EQ(table.mean(head, 3, 4), 1);
      EXPECT_LT(table.mean(head, 1, 2), 1);
    }
    const auto map = map_from_similarity(table, cache_geometry(model.config), 1, CompareWith::kAll, 3, 40);
    EXPECT_EQ(map.block_starts, (std::vector<std::vector<size_t>>{{0, 2}, {0, 2}}));
  }
}

TEST(ExploreJsTest, SameBitsForAnyThreadsAndChunk) {
  const test::TemporaryFolder folder;
  test::write_tiny_model(folder.path(), {.layers = 4});
  const Model model = open_model(folder.path());
  const std::vector<std::vector<TokenId>> samples = {test::random_ids(kLength, 128, 1),
                                                     test::random_ids(kLength, 128, 2)};
  const SimilarityOptions options{true, false, 4, 16};
  const PairTable one = similarities<float>(model, samples, options, 1);
  for (const int n_threads : {2, 3, 7}) {
    EXPECT_EQ(similarities<float>(model, samples, options, n_threads).sums, one.sums);
    EXPECT_EQ(similarities<float>(model, samples, options, n_threads, 170).sums, one.sums);
  }
}

PairTable random_table(const CacheGeometry& geometry, Random& random) {
  PairTable table(geometry.n_layers, geometry.n_kv_heads);
  for (double& sum : table.sums) sum = random.below(9) == 0 ? NAN : std::abs(random.symmetric());
  for (double& rows : table.n_rows) rows = 1;
  return table;
}

TEST(ExploreJsTest, GreedyIsItsDefinition) {
  Random random(5);
  for (int round = 0; round < 400; ++round) {
    const CacheGeometry geometry = test::random_geometry(random);
    const PairTable table = random_table(geometry, random);
    const double delta = round % 5 == 0 ? table.mean(0, 0, geometry.n_layers - 1) : std::abs(random.symmetric());
    for (const CompareWith compare : {CompareWith::kLowest, CompareWith::kPrevious, CompareWith::kAll}) {
      const SharingMap map = map_from_similarity(table, geometry, delta, compare, 2, 3);
      map.validate(geometry, "test");
      for (size_t head = 0; head < geometry.n_kv_heads; ++head) {
        std::vector<std::vector<size_t>> blocks = {{0}};
        for (size_t layer = 1; layer < geometry.n_layers; ++layer) {
          std::vector<size_t> others = blocks.back();
          if (compare == CompareWith::kLowest) others.resize(1);
          if (compare == CompareWith::kPrevious) others = {layer - 1};
          bool join = geometry.layer_class[layer] == geometry.layer_class[layer - 1];
          for (const size_t other : others) join = join && table.mean(head, other, layer) >= delta;
          if (!join) blocks.emplace_back();
          blocks.back().push_back(layer);
        }
        std::vector<size_t> starts;
        for (const auto& block : blocks) starts.push_back(block.front());
        ASSERT_EQ(map.block_starts[head], starts);
      }
    }
  }
}

TEST(ExploreJsTest, TheCurveHoldsTheMapOfEveryDelta) {
  Random random(6);
  for (int round = 0; round < 50; ++round) {
    const CacheGeometry geometry = test::random_geometry(random);
    const PairTable table = random_table(geometry, random);
    const auto steps = maps_by_delta(table, geometry, CompareWith::kLowest, 0, 1);
    for (int k = 0; k < 40; ++k) {
      const double delta = std::abs(random.symmetric());
      SharingMap expected = identity_map(geometry, 0, 1);
      for (const DeltaStep& step : steps) {
        if (step.delta >= delta) expected = step.map;
      }
      EXPECT_EQ(map_from_similarity(table, geometry, delta, CompareWith::kLowest, 0, 1).block_starts,
                expected.block_starts);
    }
  }
}

TEST(ExploreJsTest, DissimilarityIsTheMeanOverCells) {
  PairTable table(3, 1);
  for (double& rows : table.n_rows) rows = 2;
  table.sums[table.index(0, 0, 1)] = 1.5;
  table.sums[table.index(0, 0, 2)] = 0.5;
  table.sums[table.index(0, 1, 2)] = 1;
  EXPECT_DOUBLE_EQ(dissimilarity(table, {3, 1, 0, 1, {{0, 1, 2}}}), 0);
  EXPECT_DOUBLE_EQ(dissimilarity(table, {3, 1, 0, 1, {{0}}}), (0.25 + 0.75) / 3);
  EXPECT_DOUBLE_EQ(dissimilarity(table, {3, 1, 0, 1, {{0, 1}}}), 0.5 / 3);
}

}  // namespace
}  // namespace proxima
