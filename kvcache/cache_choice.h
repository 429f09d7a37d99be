// SPDX-License-Identifier: MIT
// Which cache, and with what settings, as a user chooses it.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "kvcache/lm_infinite_cache.h"
#include "kvcache/selected_cache.h"
#include "kvcache/sharing_map.h"
#include "kvcache/skip_gate.h"
#include "kvcache/window_cache.h"

namespace proxima {

enum class CacheKind {
  kDense,
  kPod,
  kWindow,
  kLmInfinite,
  kH2o,
  kSnapKv,
  kPyramidKv,
  kQuest,
  kCla,
  kPodH2o,
  kPodSnapKv,
  kPodPyramidKv,
  kPodQuest
};
inline constexpr std::array<std::string_view, 13> kCacheKindNames = {
    "dense", "pod", "window",  "lm-infinite", "h2o",           "snapkv",   "pyramidkv",
    "quest", "cla", "pod+h2o", "pod+snapkv",  "pod+pyramidkv", "pod+quest"};

inline std::string_view cache_kind_name(CacheKind kind) {
  return kCacheKindNames[static_cast<size_t>(kind)];
}

// Whether layers share keys by a sharing map.
bool uses_map(CacheKind kind);
// The selection that a kind makes when the prompt ends.
std::optional<SelectionMethod> selection_method(CacheKind kind);
// What a budget in tokens per layer and KV head means; false: nothing.
bool takes_budget(CacheKind kind);

struct CacheChoice {
  CacheKind kind = CacheKind::kDense;
  std::optional<SharingMap> map = {};  // given exactly where uses_map(kind)
  WindowSettings window = {};          // these where the kind is the one they belong to
  LmInfiniteSettings lm_infinite = {};
  SelectionSettings selection = {};
  size_t quest_budget = 2048;             // tokens a decode step attends to
  size_t cla_factor = 2;                  // layers a group
  std::optional<GateSettings> gate = {};  // of kPod

  bool operator==(const CacheChoice&) const = default;
};

// The choice with this budget in tokens per layer and KV head.
CacheChoice with_budget(const CacheChoice& choice, size_t tokens);

// The fewest tokens that a budget of this choice can be.
size_t least_budget(const CacheChoice& choice);

// Throws Error(kUsage) for a choice that would do nothing (a map in which no layer borrows, a CLA factor of 1) or that
// contradicts itself (a budget smaller than the window), and Error(kInput) for a map that does not fit the geometry.
// `origin` names the map in messages.
void check_cache_choice(const CacheChoice& choice, const CacheGeometry& geometry, const std::string& origin);

// The settings that its kind has, on one line of JSON: {"budget": 2048, "window": 32, ...}; {} where there are none.
std::string cache_settings_text(const CacheChoice& choice);
// The choice of this kind with the settings of such a text. Throws Error(kInput) naming `origin`.
CacheChoice parse_cache_settings(CacheKind kind, std::string_view text, const std::string& origin);

}  // namespace proxima
