// SPDX-License-Identifier: MIT
// The greedy choice of sharing cells by measured damage: each time the cell whose sharing costs least, given all that
// share already. Lazy: a cell measured for an earlier map keeps that cost until it is the cheapest, and only then is
// measured again; a cell never measured is taken to cost its local error times the smallest ratio of cost to local
// error seen so far, so that cells are looked at in the order of their local errors, and hardly any for nothing.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "apps/damage_meter.h"
#include "apps/map_steps.h"
#include "apps/pair_table.h"

namespace proxima {

struct DamageStep {
  Cell cell;
  Damage damage;  // of the map after this step
};

// All that the search knows; a search that goes on from a copy comes to the same end.
struct SearchState {
  struct Candidate {
    Cell cell;  // its donor is that of the moment
    bool measured = false;
    size_t at_step = 0;   // number of steps taken when it was measured
    Damage damage = {};   // of the map with it
    double increase = 0;  // of the total damage
  };
  std::vector<DamageStep> steps;
  std::vector<Candidate> candidates;
  std::optional<double> least_ratio;  // of measured to local increase
  size_t n_measured = 0;
};

class DamageSearch {
 public:
  using Measure = std::function<Damage(const SharingMap& map, size_t first_layer)>;

  // `errors`: of explore_local.h. Goes on from `state`, empty at first.
  DamageSearch(const PairTable& errors, const CacheGeometry& geometry, size_t ns, size_t nr, SearchState state);

  // Finds the next step and takes it; nothing if all share. What `measure` throws leaves the state as it was before
  // that measurement.
  std::optional<DamageStep> next(const Measure& measure);

  const SharingMap& map() const { return map_; }
  const SearchState& state() const { return state_; }

 private:
  double expected_increase(const SearchState::Candidate& candidate) const;
  void update(SearchState::Candidate& candidate, const Measure& measure);

  const PairTable& errors_;
  SharingMap map_;
  SearchState state_;
};

}  // namespace proxima
