// SPDX-License-Identifier: MIT
// Damage measured by running only what a map changes, against two whole passes of the slow reference.
#include "apps/damage_meter.h"

#include <gtest/gtest.h>

#include <cmath>

#include "apps/map_steps.h"
#include "test/equal_key_model.h"
#include "test/expect_error.h"
#include "test/random.h"
#include "test/random_map.h"
#include "test/run_model.h"
#include "test/tiny_families.h"

namespace proxima {
namespace {

using test::Random;

const GoOn kGoOn = [] { return true; };

std::vector<double> log_softmax(const std::vector<double>& logits, size_t row, size_t n) {
  const auto begin = logits.begin() + static_cast<ptrdiff_t>(row * n);
  std::vector<double> x(begin, begin + static_cast<ptrdiff_t>(n));
  double sum = 0;
  for (const double each : x) sum += std::exp(each);
  for (double& each : x) each -= std::log(sum);
  return x;
}

Damage expected_damage(const Model& model, std::span<const ExploreSample> samples, const SharingMap& map) {
  double kl = 0, n_rows = 0, loss = 0, n_targets = 0;
  const size_t n = model.config.vocab;
  for (const ExploreSample& sample : samples) {
    const auto dense = reference::run(model, sample.ids).logits;
    const auto shared = reference::run(model, sample.ids, {.pod = &map}).logits;
    for (size_t k = 0; k < sample.n_scored; ++k) {
      const size_t row = sample.ids.size() - sample.n_scored + k;
      const auto p = log_softmax(dense, row, n), q = log_softmax(shared, row, n);
      if (sample.targets.empty()) {
        for (size_t i = 0; i < n; ++i) kl += std::exp(p[i]) * (p[i] - q[i]);
        ++n_rows;
      } else {
        loss += p[sample.targets[k]] - q[sample.targets[k]];
        ++n_targets;
      }
    }
  }
  return {kl / n_rows, n_targets > 0 ? loss / n_targets : 0};
}

std::vector<ExploreSample> random_samples(const Model& model, bool with_tasks, Random& random) {
  std::vector<ExploreSample> samples;
  for (int k = 0; k < 2; ++k) samples.push_back({test::random_ids(130, model.config.vocab, random.next()), 20});
  for (const size_t length : {61U, 140U}) {
    if (!with_tasks) break;
    samples.push_back({test::random_ids(length, model.config.vocab, random.next()), 5,
                       test::random_ids(5, model.config.vocab, random.next())});
  }
  return samples;
}

MemoryRequest request_of(Precision precision, size_t chunk, int n_threads = 1) {
  const DType dtype = default_cache_dtype(precision);
  return {precision, {SIZE_MAX, chunk}, n_threads, dtype, dtype};
}

Compute compute_of(int n_threads) {
  return {&kernels_for(supported_simd_targets().back()), n_threads, 1};
}

size_t lowest_difference(const SharingMap& a, const SharingMap& b) {
  for (size_t layer = 0; layer < a.n_layers; ++layer) {
    for (size_t head = 0; head < a.n_kv_heads; ++head) {
      if (a.owns_distant_keys(layer, head) != b.owns_distant_keys(layer, head)) return layer;
    }
  }
  return a.n_layers - 1;
}

TEST(DamageMeterTest, AgreesWithTheReferenceWhateverWasCommittedBefore) {
  Random random(11);
  double largest = 0;
  size_t n_maps = 0;
  for (const auto& family : test::tiny_families(5)) {
    SCOPED_TRACE(family.model_type);
    const test::TemporaryFolder folder;
    test::write_tiny_model(folder.path(), family);
    const Model model = open_model(folder.path());
    const CacheGeometry geometry = cache_geometry(model.config);
    const auto samples = random_samples(model, true, random);
    for (const size_t stride : {size_t{1}, size_t{2}, geometry.n_layers}) {
      DamageMeter meter(model, compute_of(1), request_of(Precision::kF64, stride == 1 ? 17 : 140), samples, 3, 21,
                        stride);
      meter.read_dense(kGoOn, [](double) {});
      SharingMap current = identity_map(geometry, 3, 21);
      EXPECT_EQ(meter.measure(current, 0, kGoOn).total(), 0);
      for (int round = 0; round < 4; ++round) {
        SharingMap map = current;
        for (const Cell& cell : borrowable_cells(current, geometry)) {
          if (random.below(3) == 0) borrow(map, cell);
        }
        const size_t from = lowest_difference(current, map);
        const bool keep = random.below(2) == 0;
        const Damage got = keep ? meter.commit(map, from, kGoOn) : meter.measure(map, from, kGoOn);
        const Damage expected = expected_damage(model, samples, map);
        ASSERT_NEAR(got.kl, expected.kl, 1e-10);
        ASSERT_NEAR(got.task_loss, expected.task_loss, 1e-10);
        largest = std::max(largest, std::abs(got.kl - expected.kl));
        if (keep) current = map;
        ++n_maps;
      }
    }
  }
  std::printf("%zu maps, within %.1e\n", n_maps, largest);
}

TEST(DamageMeterTest, SharingEqualKeysDoesNoDamage) {
  const test::TemporaryFolder folder;
  test::write_equal_key_model(folder.path(), false);
  const Model model = open_model(folder.path());
  const std::vector<ExploreSample> samples = {{test::random_ids(400, 50, 3), 30},
                                              {test::random_ids(300, 50, 4), 8, test::random_ids(8, 50, 5)}};
  for (const Precision precision : {Precision::kF64, Precision::kF32}) {
    DamageMeter meter(model, compute_of(2), request_of(precision, 64, 2), samples, 3, 40, 1);
    meter.read_dense(kGoOn, [](double) {});
    const Damage damage = meter.measure(test::equal_key_map(), 1, kGoOn);
    EXPECT_EQ(damage.kl, 0);
    EXPECT_EQ(damage.task_loss, 0);
    EXPECT_GT(meter.measure({5, 2, 3, 40, {{0}, {0}}}, 1, kGoOn).kl, 0);
  }
}

TEST(DamageMeterTest, SameBitsForAnyThreadsChunkStrideAndCommits) {
  const test::TemporaryFolder folder;
  test::write_tiny_model(folder.path(), {.layers = 5});
  const Model model = open_model(folder.path());
  Random random(3);
  const auto samples = random_samples(model, true, random);
  const SharingMap half{5, 2, 3, 21, {{0, 1, 2, 3}, {0, 1, 2, 4}}}, whole{5, 2, 3, 21, {{0, 2}, {0, 1, 4}}};
  std::vector<double> first;
  for (const auto& [n_threads, chunk, stride, stepwise] :
       {std::tuple<int, size_t, size_t, bool>{1, 200, 1, false}, {3, 16, 2, true}, {2, 33, 5, true}}) {
    DamageMeter meter(model, compute_of(n_threads), request_of(Precision::kF32, chunk, n_threads), samples, 3, 21,
                      stride);
    meter.read_dense(kGoOn, [](double) {});
    if (stepwise) meter.commit(half, 3, kGoOn);
    const Damage damage = meter.measure(whole, stepwise ? 1 : 0, kGoOn);
    const std::vector<double> got = {damage.kl, damage.task_loss};
    if (first.empty()) first = got;
    EXPECT_EQ(got, first);
  }
}

TEST(DamageMeterTest, PlansWhatFitsAndStopsWhereAsked) {
  const test::TemporaryFolder folder;
  test::write_tiny_model(folder.path(), {.layers = 5});
  const Model model = open_model(folder.path());
  Random random(4);
  const auto samples = random_samples(model, false, random);
  const MemoryRequest request = request_of(Precision::kF32, 32);
  const auto bytes = [&](size_t stride) { return DamageMeter::n_bytes(model.config, request, samples, 3, 21, stride); };
  EXPECT_GT(bytes(1), bytes(2));
  // Two samples, 110 tokens in which a map can change something; residuals before 4, 2, 1, 1 and 0 layers.
  EXPECT_EQ(bytes(1) - bytes(2), 2 * 106 * 2 * 64 * sizeof(float));
  EXPECT_EQ(bytes(4) - bytes(5), 2 * 106 * 64 * sizeof(float));
  EXPECT_EQ(DamageMeter::plan(model.config, request, samples, 3, 21, bytes(1)).residual_stride, 1U);
  EXPECT_EQ(DamageMeter::plan(model.config, request, samples, 3, 21, bytes(1) - 1).residual_stride, 2U);
  EXPECT_EQ(DamageMeter::plan(model.config, request, samples, 3, 21, 0).residual_stride, 5U);
  DamageMeter meter(model, compute_of(1), request, samples, 3, 21, 1);
  int left = 3;
  const GoOn count_down = [&] { return left-- > 0; };
  test::expect_error(ErrorKind::kInterrupt, "interrupted", [&] { meter.read_dense(count_down, [](double) {}); });
}

}  // namespace
}  // namespace proxima
