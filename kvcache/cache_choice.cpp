// SPDX-License-Identifier: MIT
#include "kvcache/cache_choice.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json_file.h"
#include "core/json_object.h"
#include "kvcache/cla_cache.h"
#include "kvcache/quest_cache.h"

namespace proxima {
namespace {

// Far above any context; keeps the sums of ns, nr and chunk from overflowing.
constexpr size_t kMaxWindow = size_t{1} << 40;

void check_map(const SharingMap& map, const CacheGeometry& geometry, const std::string& origin) {
  map.validate(geometry, origin);
  if (map.ns > kMaxWindow || map.nr > kMaxWindow) {
    fail(ErrorKind::kInput, "{}: ns {} and nr {} are beyond any context", origin, map.ns, map.nr);
  }
  if (map.borrowed_share() == 0) {
    fail(ErrorKind::kUsage,
         "{}: every layer keeps its own distant keys, so PoD would save nothing; use --cache dense or another map",
         origin);
  }
}

void check_cla(const CacheGeometry& geometry, size_t factor) {
  const std::vector<size_t> donors = cla_donors(geometry, factor);
  for (size_t layer = 0; layer < donors.size(); ++layer) {
    if (donors[layer] != layer) return;
  }
  fail(ErrorKind::kUsage,
       "--cache cla with groups of {} would share nothing in this model; use --cla-factor 2 or more "
       "where consecutive layers attend alike, or --cache dense",
       factor);
}

}  // namespace

bool uses_map(CacheKind kind) {
  return kind == CacheKind::kPod || kind == CacheKind::kPodH2o || kind == CacheKind::kPodSnapKv ||
         kind == CacheKind::kPodPyramidKv || kind == CacheKind::kPodQuest;
}

std::optional<SelectionMethod> selection_method(CacheKind kind) {
  switch (kind) {
    case CacheKind::kH2o:
    case CacheKind::kPodH2o:
      return SelectionMethod::kH2o;
    case CacheKind::kSnapKv:
    case CacheKind::kPodSnapKv:
      return SelectionMethod::kSnapKv;
    case CacheKind::kPyramidKv:
    case CacheKind::kPodPyramidKv:
      return SelectionMethod::kPyramidKv;
    default:
      return std::nullopt;
  }
}

bool takes_budget(CacheKind kind) {
  return kind != CacheKind::kDense && kind != CacheKind::kPod && kind != CacheKind::kCla;
}

CacheChoice with_budget(const CacheChoice& choice, size_t tokens) {
  CacheChoice result = choice;
  switch (choice.kind) {
    case CacheKind::kWindow:
      result.window.n_recent = tokens - result.window.n_first;
      break;
    case CacheKind::kLmInfinite:
      result.lm_infinite.n_local = tokens - result.lm_infinite.n_global;
      break;
    case CacheKind::kQuest:
    case CacheKind::kPodQuest:
      result.quest_budget = tokens;
      break;
    default:
      result.selection.budget = tokens;
  }
  return result;
}

size_t least_budget(const CacheChoice& choice) {
  switch (choice.kind) {
    case CacheKind::kWindow:
      return choice.window.n_first + 1;
    case CacheKind::kLmInfinite:
      return choice.lm_infinite.n_global + 1;
    case CacheKind::kQuest:
    case CacheKind::kPodQuest:
      return kQuestPage;
    case CacheKind::kH2o:
    case CacheKind::kPodH2o:
      return choice.selection.h2o_recent.value_or(1) + 1;
    default:
      return choice.selection.snapkv.window + 1;
  }
}

void check_cache_choice(const CacheChoice& choice, const CacheGeometry& geometry, const std::string& origin) {
  if (uses_map(choice.kind)) check_map(*choice.map, geometry, origin);
  if (choice.kind == CacheKind::kCla) check_cla(geometry, choice.cla_factor);
  if (choice.kind == CacheKind::kWindow && choice.window.n_recent == 0) {
    fail(ErrorKind::kUsage, "--cache window needs room for at least the query's own token beside {} first ones",
         choice.window.n_first);
  }
  const size_t budget = selection_method(choice.kind) ? choice.selection.budget : choice.quest_budget;
  if ((selection_method(choice.kind) || choice.kind == CacheKind::kQuest || choice.kind == CacheKind::kPodQuest) &&
      budget < least_budget(choice)) {
    fail(ErrorKind::kUsage, "--cache {} with a budget of {} tokens: it needs at least {}", cache_kind_name(choice.kind),
         budget, least_budget(choice));
  }
}

std::string cache_settings_text(const CacheChoice& choice) {
  nlohmann::json settings = nlohmann::json::object();
  if (choice.kind == CacheKind::kWindow) {
    settings = {{"first", choice.window.n_first}, {"recent", choice.window.n_recent}, {"slots", choice.window.slots}};
  } else if (choice.kind == CacheKind::kLmInfinite) {
    settings = {{"first", choice.lm_infinite.n_global}, {"recent", choice.lm_infinite.n_local}};
  } else if (choice.kind == CacheKind::kQuest || choice.kind == CacheKind::kPodQuest) {
    settings = {{"budget", choice.quest_budget}};
  } else if (choice.gate) {
    settings = {{"skip_gate", choice.gate->tau}, {"gate", kGateKindNames[static_cast<size_t>(choice.gate->kind)]}};
  } else if (choice.kind == CacheKind::kCla) {
    settings = {{"factor", choice.cla_factor}};
  } else if (const auto method = selection_method(choice.kind)) {
    const SelectionSettings& selection = choice.selection;
    settings = {{"budget", selection.budget}};
    if (*method == SelectionMethod::kH2o) {
      settings["recent"] = selection.n_recent();
    } else {
      settings["window"] = selection.snapkv.window;
      settings["kernel"] = selection.snapkv.kernel;
      settings["pooling"] = selection.snapkv.pooling == Pooling::kMax ? "max" : "mean";
    }
    if (*method == SelectionMethod::kPyramidKv) settings["beta"] = selection.pyramidkv.beta;
  }
  return settings.dump();
}

CacheChoice parse_cache_settings(CacheKind kind, std::string_view text, const std::string& origin) {
  const nlohmann::json json = parse_json(text, origin);
  JsonObject object(json, origin);
  CacheChoice choice{.kind = kind};
  const auto read = [&](const char* key, size_t& value) { value = object.find_size(key).value_or(value); };
  SelectionSettings& selection = choice.selection;
  if (kind == CacheKind::kWindow) {
    read("first", choice.window.n_first);
    read("recent", choice.window.n_recent);
    choice.window.slots = object.find_bool("slots").value_or(false);
  } else if (kind == CacheKind::kLmInfinite) {
    read("first", choice.lm_infinite.n_global);
    read("recent", choice.lm_infinite.n_local);
  } else if (kind == CacheKind::kQuest || kind == CacheKind::kPodQuest) {
    read("budget", choice.quest_budget);
  } else if (kind == CacheKind::kCla) {
    read("factor", choice.cla_factor);
  } else if (kind == CacheKind::kPod && object.has("skip_gate")) {
    const auto name = std::ranges::find(kGateKindNames, object.text("gate"));
    if (name == kGateKindNames.end()) object.fail_at("gate", "is unknown here");
    choice.gate = {object.number("skip_gate"), static_cast<GateKind>(name - kGateKindNames.begin())};
  } else if (selection_method(kind)) {
    read("budget", selection.budget);
    selection.h2o_recent = object.find_size("recent");
    read("window", selection.snapkv.window);
    read("kernel", selection.snapkv.kernel);
    read("beta", selection.pyramidkv.beta);
    if (object.find_text("pooling") == "mean") selection.snapkv.pooling = Pooling::kMean;
  }
  if (const auto unread = object.unread(); !unread.empty()) {
    fail(ErrorKind::kInput, "{}: {} is no setting of {}", origin, unread.front(), cache_kind_name(kind));
  }
  return choice;
}

}  // namespace proxima
