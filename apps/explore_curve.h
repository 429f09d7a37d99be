// SPDX-License-Identifier: MIT
// What an exploration found: maps of growing saving with what each costs, and which of them is the answer.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/damage_meter.h"
#include "apps/explore.h"
#include "apps/map_steps.h"

namespace proxima {

struct CurvePoint {
  SharingMap map;
  std::optional<double> delta = {};  // js
  std::optional<Cell> cell = {};     // local, kld: that became a borrower
  double cost = 0;                   // js: dissimilarity; local: error; kld: total damage
  std::optional<Damage> measured = {};
  size_t kv_bytes = 0;  // at the saving's length
  double saving = 0;    // of the dense cache's bytes
};

// Fills in bytes and saving of every point.
void add_savings(std::vector<CurvePoint>& points, const CacheGeometry& geometry, CacheCapacity capacity, size_t length);

struct Choice {
  size_t index = 0;
  std::string stopped_by;  // "target-saving", "delta", "max-damage", "end"; empty: more points are needed
};
// The first point that reaches the target, or the last before the limit is passed. `complete`: no more will come.
Choice choose_point(std::span<const CurvePoint> points, const ExploreOptions& options, bool complete);

}  // namespace proxima
