// SPDX-License-Identifier: MIT
#include "apps/explore_kld.h"

#include <algorithm>
#include <limits>

#include "apps/explore_local.h"

namespace proxima {
namespace {

// Measurements before any cell is left unmeasured: the very first may be of a cell that looks harmless and is not.
constexpr size_t kFirstMeasured = 8;

}  // namespace

DamageSearch::DamageSearch(const PairTable& errors, const CacheGeometry& geometry, size_t ns, size_t nr,
                           SearchState state)
    : errors_(errors), map_(identity_map(geometry, ns, nr)), state_(std::move(state)) {
  for (const DamageStep& step : state_.steps) borrow(map_, step.cell);
  if (!state_.steps.empty() || !state_.candidates.empty()) return;
  for (const Cell& cell : borrowable_cells(map_, geometry)) state_.candidates.push_back({.cell = cell});
}

std::optional<DamageStep> DamageSearch::next(const Measure& measure) {
  while (!state_.candidates.empty()) {
    const auto expected = [this](const SearchState::Candidate& each) { return expected_increase(each); };
    // A few hundred at most: looking at all costs nothing beside one measurement, and estimates move together.
    const auto best = std::ranges::min_element(state_.candidates, {}, expected);
    if (!best->measured || best->at_step != state_.steps.size()) {
      update(*best, measure);
      continue;
    }
    const DamageStep step{best->cell, best->damage};
    borrow(map_, step.cell);
    state_.candidates.erase(best);
    for (auto& each : state_.candidates) each.cell.donor = map_.lowest(each.cell.layer - 1, each.cell.kv_head);
    state_.steps.push_back(step);
    return step;
  }
  return std::nullopt;
}

double DamageSearch::expected_increase(const SearchState::Candidate& candidate) const {
  if (candidate.measured) return candidate.increase;
  const bool trusted = state_.n_measured >= kFirstMeasured && state_.least_ratio;
  // Otherwise below any measured cost, in the order of local errors.
  const double ratio = trusted ? *state_.least_ratio : std::numeric_limits<double>::min();
  return ratio * local_increase(errors_, map_, candidate.cell);
}

void DamageSearch::update(SearchState::Candidate& candidate, const Measure& measure) {
  SharingMap trial = map_;
  borrow(trial, candidate.cell);
  const Damage damage = measure(trial, candidate.cell.layer);
  const double before = state_.steps.empty() ? 0 : state_.steps.back().damage.total();
  candidate.measured = true;
  candidate.at_step = state_.steps.size();
  candidate.damage = damage;
  candidate.increase = damage.total() - before;
  ++state_.n_measured;
  const double local = local_increase(errors_, map_, candidate.cell);
  if (local <= 0) return;
  const double ratio = std::max(0.0, candidate.increase / local);
  state_.least_ratio = std::min(state_.least_ratio.value_or(ratio), ratio);
}

}  // namespace proxima
