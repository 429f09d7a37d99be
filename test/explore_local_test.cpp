// SPDX-License-Identifier: MIT
// Errors of attention outputs against the slow reference's queries, keys and values, attended anew in double.
#include "apps/explore_local.h"

#include <gtest/gtest.h>

#include <cmath>

#include "test/equal_key_model.h"
#include "test/random.h"
#include "test/random_map.h"
#include "test/reference_attention.h"
#include "test/run_model.h"
#include "test/stored_matrix.h"
#include "test/tiny_families.h"

namespace proxima {
namespace {

using test::Random;

constexpr size_t kLength = 150;
constexpr size_t kQueries = 7;

template <class T>
PairTable local_errors(const Model& model, const std::vector<TokenId>& ids, size_t ns, size_t nr, int n_threads) {
  const bool f64 = std::is_same_v<T, double>;
  const DType dtype = f64 ? DType::kF64 : DType::kF32;
  const MemoryRequest request{f64 ? Precision::kF64 : Precision::kF32, {kLength, 64}, n_threads, dtype, dtype};
  DenseRun<T> run(model, {&kernels_for(supported_simd_targets().back()), n_threads, 1}, request, kLength, kQueries);
  PairTable errors(model.config.n_layers, model.config.n_kv_heads);
  run.read({ids, kQueries}, [] { return true; });
  add_local_errors(run, ns, nr, errors);
  return errors;
}

// o of a layer at one query, with one KV head's distant keys from the donor; a bias is left out, it cancels.
std::vector<double> output(const Model& model, const reference::Result& run, size_t layer, size_t query, size_t kv_head,
                           size_t donor, size_t ns, size_t nr) {
  const ModelConfig& config = model.config;
  const size_t d = config.head_dim, group = config.n_heads / config.n_kv_heads;
  std::vector<double> attended;
  for (size_t head = 0; head < config.n_heads; ++head) {
    const size_t own_head = head / group;
    reference::KeyValueRows near, far;
    for (size_t j = 0; j <= query; ++j) {
      if (query - j >= config.layers[layer].window) continue;
      const bool distant = own_head == kv_head && j >= ns && j + nr <= query;
      const size_t place = (own_head * kLength + j) * d;
      (distant ? far : near).add(run.keys[distant ? donor : layer].data() + place, run.values[layer].data() + place);
    }
    const double* q = run.queries[layer].data() + (query * config.n_heads + head) * d;
    const auto out = reference::attend_gated(q, near, far, d, config.attention_scale, config.attention_softcap).out;
    attended.insert(attended.end(), out.begin(), out.end());
  }
  const TensorView& weight = model.weights.layers[layer].o.weight;
  std::vector<double> o(config.hidden);
  for (size_t row = 0; row < config.hidden; ++row) {
    for (size_t i = 0; i < attended.size(); ++i) {
      const size_t element = row * attended.size() + i;
      o[row] += test::decode(weight.dtype, weight.data + element * dtype_bytes(weight.dtype)) * attended[i];
    }
  }
  return o;
}

double expected_error(const Model& model, const reference::Result& run, size_t kv_head, size_t donor, size_t layer,
                      size_t ns, size_t nr) {
  double sum = 0;
  for (size_t query = kLength - kQueries; query < kLength; ++query) {
    const auto own = output(model, run, layer, query, kv_head, layer, ns, nr);
    const auto shared = output(model, run, layer, query, kv_head, donor, ns, nr);
    double difference = 0, size = 0;
    for (size_t i = 0; i < own.size(); ++i) {
      const double o = run.attention[layer][query * own.size() + i];  // with its bias
      difference += (shared[i] - own[i]) * (shared[i] - own[i]);
      size += o * o;
    }
    sum += difference / size;
  }
  return sum / static_cast<double>(kQueries);
}

TEST(ExploreLocalTest, ErrorsAreThoseOfTheDefinition) {
  Random random(2);
  double largest = 0;
  size_t n_pairs = 0;
  for (const auto& family : test::tiny_families(3)) {
    SCOPED_TRACE(family.model_type);
    const test::TemporaryFolder folder;
    test::write_tiny_model(folder.path(), family);
    const Model model = open_model(folder.path());
    const auto ids = test::random_ids(kLength, model.config.vocab, random.next());
    const auto run = reference::run(model, ids);
    for (const auto& [ns, nr] : {std::pair<size_t, size_t>{3, 11}, {0, 1}, {20, 126}}) {
      const PairTable errors = local_errors<double>(model, ids, ns, nr, 2);
      const PairTable coarse = local_errors<float>(model, ids, ns, nr, 1);
      for (const LayerRun& layers : layer_runs(cache_geometry(model.config))) {
        for (size_t head = 0; head < model.config.n_kv_heads; ++head) {
          for (size_t donor = layers.begin; donor < layers.end; ++donor) {
            for (size_t layer = donor + 1; layer < layers.end; ++layer) {
              const double expected = expected_error(model, run, head, donor, layer, ns, nr);
              ASSERT_NEAR(errors.mean(head, donor, layer), expected, 1e-10 * (1 + expected));
              ASSERT_NEAR(coarse.mean(head, donor, layer), expected, 1e-4 * (1 + expected));
              largest = std::max(largest, std::abs(errors.mean(head, donor, layer) - expected));
              ++n_pairs;
            }
          }
        }
      }
    }
  }
  std::printf("%zu pairs, within %.1e\n", n_pairs, largest);
}

TEST(ExploreLocalTest, EqualKeysDoNothingAndThreadsChangeNothing) {
  const test::TemporaryFolder folder;
  test::write_equal_key_model(folder.path(), false);
  const Model model = open_model(folder.path());
  const auto ids = test::random_ids(kLength, 50, 5);
  const PairTable errors = local_errors<float>(model, ids, 3, 20, 1);
  for (size_t head = 0; head < 2; ++head) {
    EXPECT_EQ(errors.mean(head, 0, 1), 0);
    EXPECT_EQ(errors.mean(head, 2, 4), 0);
    EXPECT_EQ(errors.mean(head, 3, 4), 0);
    EXPECT_GT(errors.mean(head, 0, 4), 0);
  }
  for (const int n_threads : {2, 3, 5}) EXPECT_EQ(local_errors<float>(model, ids, 3, 20, n_threads).sums, errors.sums);
}

// The sum over all borrowers of a map.
double total_error(const PairTable& errors, const SharingMap& map) {
  double sum = 0;
  for (size_t head = 0; head < map.n_kv_heads; ++head) {
    for (size_t layer = 0; layer < map.n_layers; ++layer) {
      if (!map.owns_distant_keys(layer, head)) sum += errors.mean(head, map.lowest(layer, head), layer);
    }
  }
  return sum;
}

TEST(ExploreLocalTest, GreedyTakesTheLeastIncreaseEachTime) {
  Random random(8);
  for (int round = 0; round < 60; ++round) {
    const CacheGeometry geometry = test::random_geometry(random);
    PairTable errors(geometry.n_layers, geometry.n_kv_heads);
    for (double& sum : errors.sums) sum = std::abs(random.symmetric());
    for (double& rows : errors.n_rows) rows = 1;
    SharingMap map = identity_map(geometry, 1, 2);
    for (const LocalStep& step : greedy_by_local_error(errors, geometry, 1, 2)) {
      double least = INFINITY;
      for (const Cell& cell : borrowable_cells(map, geometry)) {
        SharingMap trial = map;
        borrow(trial, cell);
        trial.validate(geometry, "test");
        least = std::min(least, total_error(errors, trial));
      }
      EXPECT_EQ(step.cell.donor, map.lowest(step.cell.layer - 1, step.cell.kv_head));
      borrow(map, step.cell);
      ASSERT_NEAR(total_error(errors, map), least, 1e-12);
      ASSERT_NEAR(step.error, least / static_cast<double>(geometry.n_layers), 1e-12);
    }
    EXPECT_TRUE(borrowable_cells(map, geometry).empty());
  }
}

}  // namespace
}  // namespace proxima
