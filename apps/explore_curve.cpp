// SPDX-License-Identifier: MIT
#include "apps/explore_curve.h"

#include "kvcache/cache_factory.h"

namespace proxima {

void add_savings(std::vector<CurvePoint>& points, const CacheGeometry& geometry, CacheCapacity capacity,
                 size_t length) {
  capacity.max_context = length;
  const size_t dense = planned_cache_bytes({}, geometry, capacity, length, CachePhase::kAfterPrompt).logical;
  for (CurvePoint& point : points) {
    const CacheChoice choice{CacheKind::kPod, point.map};
    point.kv_bytes = planned_cache_bytes(choice, geometry, capacity, length, CachePhase::kAfterPrompt).logical;
    point.saving = 1 - static_cast<double>(point.kv_bytes) / static_cast<double>(dense);
  }
}

Choice choose_point(std::span<const CurvePoint> points, const ExploreOptions& options, bool complete) {
  Choice choice;
  for (size_t index = 0; index < points.size(); ++index) {
    const CurvePoint& point = points[index];
    if (options.delta && point.delta && *point.delta < *options.delta) return {choice.index, "delta"};
    if (options.max_damage && point.cost > *options.max_damage) return {choice.index, "max-damage"};
    choice.index = index;
    if (options.target_saving && point.saving >= *options.target_saving) return {index, "target-saving"};
  }
  if (complete) choice.stopped_by = "end";
  return choice;
}

}  // namespace proxima
