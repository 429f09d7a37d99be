// SPDX-License-Identifier: MIT
// The lazy search by damage against a search that measures every candidate at every step.
#include "apps/explore_kld.h"

#include <gtest/gtest.h>

#include <cmath>

#include "apps/explore_local.h"
#include "core/error.h"
#include "test/random.h"
#include "test/random_map.h"

namespace proxima {
namespace {

using test::Random;

// A made-up model: each borrower costs something that depends on its donor.
struct World {
  explicit World(uint64_t seed)
      : random(seed), geometry(test::random_geometry(random)), costs(table()), errors(costs) {}

  PairTable table() {
    PairTable costs_of_pairs(geometry.n_layers, geometry.n_kv_heads);
    for (double& sum : costs_of_pairs.sums) sum = std::abs(random.symmetric());
    for (double& rows : costs_of_pairs.n_rows) rows = 1;
    return costs_of_pairs;
  }

  Damage measure(const SharingMap& map) {
    ++n_measured;
    double sum = 0;
    for (size_t head = 0; head < map.n_kv_heads; ++head) {
      for (size_t layer = 0; layer < map.n_layers; ++layer) {
        if (!map.owns_distant_keys(layer, head)) sum += costs.mean(head, map.lowest(layer, head), layer);
      }
    }
    return {sum, synergy * sum * sum};
  }

  Random random;
  CacheGeometry geometry;
  PairTable costs;
  PairTable errors;  // what the search knows beforehand
  double synergy = 0;
  size_t n_measured = 0;
};

std::vector<DamageStep> search(World& world, SearchState state = {}) {
  DamageSearch searching(world.errors, world.geometry, 2, 5, std::move(state));
  while (searching.next([&](const SharingMap& map, size_t) { return world.measure(map); })) {
  }
  return searching.state().steps;
}

void expect_same(const std::vector<DamageStep>& a, const std::vector<DamageStep>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t k = 0; k < a.size(); ++k) {
    EXPECT_EQ(a[k].cell, b[k].cell) << k;
    EXPECT_EQ(a[k].damage.kl, b[k].damage.kl);
    EXPECT_EQ(a[k].damage.task_loss, b[k].damage.task_loss);
  }
}

// Whoever is the donor, a cell costs the same.
void forget_donors(World& world) {
  for (size_t i = 0; i < world.costs.sums.size(); ++i) {
    const size_t upper = i % world.geometry.n_layers;
    const size_t head = i / world.geometry.n_layers / world.geometry.n_layers;
    world.costs.sums[i] = world.costs.sums[world.costs.index(head, 0, upper)];
  }
}

// Costs that do not depend on each other, known beforehand up to a factor: the full search's steps.
TEST(ExploreKldTest, TakesTheCheapestCellEachTime) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    World world(seed);
    forget_donors(world);
    world.errors = world.costs;
    for (double& error : world.errors.sums) error *= 4;
    const auto steps = search(world);
    const auto expected = greedy_by_local_error(world.costs, world.geometry, 2, 5);
    ASSERT_EQ(steps.size(), expected.size());
    double sum = 0;
    for (size_t k = 0; k < steps.size(); ++k) {
      EXPECT_EQ(steps[k].cell, expected[k].cell);
      sum += world.costs.mean(steps[k].cell.kv_head, 0, steps[k].cell.layer);
      EXPECT_NEAR(steps[k].damage.kl, sum, 1e-12);
    }
  }
}

// Dependent costs: whatever is taken was the cheapest of those measured for the same map, and the first step of all.
TEST(ExploreKldTest, TheFirstStepIsTheCheapestOfAll) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    World world(seed);
    world.errors = world.costs;
    const auto steps = search(world);
    SharingMap map = identity_map(world.geometry, 2, 5);
    double least = INFINITY;
    for (const Cell& cell : borrowable_cells(map, world.geometry)) {
      least = std::min(least, local_increase(world.costs, map, cell));
    }
    if (!steps.empty()) {
      EXPECT_NEAR(steps.front().damage.kl, least, 1e-12);
    }
    for (const DamageStep& step : steps) {
      EXPECT_EQ(step.cell.donor, map.lowest(step.cell.layer - 1, step.cell.kv_head));
      borrow(map, step.cell);
      map.validate(world.geometry, "test");
      EXPECT_NEAR(step.damage.kl, world.measure(map).kl, 1e-12);
    }
    EXPECT_TRUE(borrowable_cells(map, world.geometry).empty());
  }
}

// Independent costs: the order is theirs, and each cell is measured about once.
TEST(ExploreKldTest, MeasuresLittleMoreThanItTakes) {
  size_t n_measured = 0, n_steps = 0;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    World world(seed);
    forget_donors(world);
    world.errors = world.costs;
    for (double& error : world.errors.sums) error *= 1 + 0.2 * world.random.symmetric();
    const auto steps = search(world);
    n_measured += world.n_measured;
    n_steps += steps.size();
    double last = 0, before = 0;
    for (const DamageStep& step : steps) {
      EXPECT_GE(step.damage.kl - last, before * 0.8 / 1.2) << "costs ascend but for the noise of the errors";
      before = step.damage.kl - last;
      last = step.damage.kl;
    }
  }
  EXPECT_LT(static_cast<double>(n_measured), 3 * static_cast<double>(n_steps));
  std::printf("%zu measurements for %zu steps\n", n_measured, n_steps);
}

// A local error that is small where the damage is large, as of the layer that looks a fact up, is found out.
TEST(ExploreKldTest, ASmallLocalErrorDoesNotHideDamage) {
  World world(1);
  world.geometry = {12, 1, 4, std::vector<size_t>(12, 0), {}};
  world.costs = world.errors = world.table();
  for (size_t lower = 0; lower < 4; ++lower) {
    world.errors.sums[world.errors.index(0, lower, 4)] = 1e-6;
    world.costs.sums[world.costs.index(0, lower, 4)] = 50;
  }
  const auto steps = search(world);
  ASSERT_EQ(steps.size(), 11U);
  EXPECT_EQ(steps.back().cell.layer, 4U);
}

TEST(ExploreKldTest, GoesOnFromAnyPointToTheSameEnd) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    World world(seed);
    world.synergy = 0.3;
    const auto whole = search(world);
    const size_t n_all = world.n_measured;
    for (size_t stop = 0; stop <= n_all; ++stop) {
      World again(seed);
      again.synergy = 0.3;
      DamageSearch first(again.errors, again.geometry, 2, 5, {});
      const auto interrupted = [&](const SharingMap& map, size_t) {
        if (again.n_measured == stop) fail(ErrorKind::kInterrupt, "stop");
        return again.measure(map);
      };
      try {
        while (first.next(interrupted)) {
        }
      } catch (const Error&) {
      }
      again.n_measured = 0;
      expect_same(search(again, first.state()), whole);
      EXPECT_EQ(again.n_measured, n_all - stop);
    }
  }
}

TEST(ExploreKldTest, MeasuresFromTheCellUpward) {
  World world(3);
  DamageSearch searching(world.errors, world.geometry, 2, 5, {});
  SharingMap before = searching.map();
  const auto measure = [&](const SharingMap& map, size_t first_layer) {
    for (size_t layer = 0; layer < first_layer; ++layer) {
      for (size_t head = 0; head < map.n_kv_heads; ++head) {
        EXPECT_EQ(map.owns_distant_keys(layer, head), before.owns_distant_keys(layer, head));
      }
    }
    return world.measure(map);
  };
  while (searching.next(measure)) before = searching.map();
}

}  // namespace
}  // namespace proxima
