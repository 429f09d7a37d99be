// SPDX-License-Identifier: MIT
// The flags that say what a sequence remembers, of which each kind of cache takes a few.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

#include "apps/common_options.h"
#include "apps/option_values.h"
#include "core/error.h"

namespace proxima {
namespace {

constexpr std::array<std::string_view, 5> kCacheTypes = {"f64", "f32", "f16", "bf16", "q8_0"};
constexpr std::array<DType, 5> kCacheDTypes = {DType::kF64, DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0};
constexpr std::array<std::string_view, 2> kPoolings = {"max", "mean"};
constexpr std::array<std::string_view, 2> kPositions = {"absolute", "slot"};

std::string_view cache_type_name(DType dtype) {
  return kCacheTypes[static_cast<size_t>(std::ranges::find(kCacheDTypes, dtype) - kCacheDTypes.begin())];
}

// A flag, whether it was given, and whether the chosen kind of cache takes it.
struct Flag {
  const char* name;
  bool given;
  bool taken;
};

std::vector<Flag> cache_flags(const CommonOptions& options, CacheKind kind) {
  const auto method = selection_method(kind);
  const bool snaps = method && *method != SelectionMethod::kH2o;
  const bool windows = kind == CacheKind::kWindow || kind == CacheKind::kLmInfinite;
  return {{"--map", !options.map.empty(), uses_map(kind)},
          {"--pod-uniform", options.pod_uniform.has_value(), uses_map(kind)},
          {"--ns", options.ns.has_value(), uses_map(kind) || windows},
          {"--nr", options.nr.has_value(), uses_map(kind) || windows},
          {"--kv-budget", options.kv_budget.has_value(), takes_budget(kind)},
          {"--positions", options.window_slots.has_value(), kind == CacheKind::kWindow},
          {"--observe", options.observed.has_value(), snaps},
          {"--pool-kernel", options.kernel.has_value(), snaps},
          {"--pooling", options.pooling.has_value(), snaps},
          {"--beta", options.beta.has_value(), method == SelectionMethod::kPyramidKv},
          {"--h2o-recent", options.h2o_recent.has_value(), method == SelectionMethod::kH2o},
          {"--skip-gate", options.skip_gate.has_value(), kind == CacheKind::kPod},
          {"--gate", options.gate.has_value(), kind == CacheKind::kPod && options.skip_gate.has_value()},
          {"--cla-factor", options.cla_factor.has_value(), kind == CacheKind::kCla}};
}

struct NamedMap {
  SharingMap map;
  std::string origin;
};

NamedMap chosen_map(const CommonOptions& options, const CacheGeometry& geometry, CacheKind kind) {
  if (options.map.empty() == !options.pod_uniform) {
    fail(ErrorKind::kUsage, "{}",
         options.map.empty() ? fmt::format("--cache {} needs to know which layers share: --map FILE or --pod-uniform N",
                                           cache_kind_name(kind))
                             : "--map and --pod-uniform contradict each other; give one of them");
  }
  NamedMap chosen{{}, options.map};
  if (options.pod_uniform) {
    chosen.origin = fmt::format("--pod-uniform {}", *options.pod_uniform);
    if (*options.pod_uniform > geometry.n_layers) {
      fail(ErrorKind::kUsage, "{}: the model has only {} layers", chosen.origin, geometry.n_layers);
    }
    chosen.map = uniform_sharing_map(geometry, *options.pod_uniform);
  } else {
    chosen.map = read_sharing_map(options.map);
  }
  chosen.map.ns = options.ns.value_or(chosen.map.ns);
  chosen.map.nr = options.nr.value_or(chosen.map.nr);
  return chosen;
}

}  // namespace

void add_cache_options(CLI::App& app, CommonOptions& options) {
  add_count(app, "-c,--ctx-size", options.ctx_size, "cap the context (default: the model's own limit)", {1, kMaxCount});
  const auto set_key = [&options](size_t index) { options.key_dtype = kCacheDTypes[index]; };
  const auto set_value = [&options](size_t index) { options.value_dtype = kCacheDTypes[index]; };
  add_choice(app, "--cache-type-k", kCacheTypes, set_key, "how keys are stored, also -ctk (fast: bf16 unless given)",
             "");
  add_choice(app, "--cache-type-v", kCacheTypes, set_value, "how values are stored, also -ctv", "");
  const auto set_kind = [&options](size_t index) { options.cache = static_cast<CacheKind>(index); };
  add_choice(app, "--cache", kCacheKindNames, set_kind,
             "what is remembered; pod: layers share the keys of distant tokens", "dense");
  app.add_option("--map", options.map, "sharing map for --cache pod, pod+...")->type_name("FILE");
  add_count(app, "--pod-uniform", options.pod_uniform, "without a map: blocks of N layers", {1, kMaxCount});
  add_count(app, "--ns", options.ns,
            "first tokens that keep all keys (overrides the map); of window and lm-infinite: that are kept (16)");
  add_count(app, "--nr", options.nr, "the same for recent tokens, the newest included (4080)", {1, kMaxCount});
  const auto set_budget = [&options](const std::string& text) {
    options.kv_budget = parse_kv_budget(text);
    if (!options.kv_budget) {
      fail(ErrorKind::kUsage, "--kv-budget: '{}' is neither tokens (2048), nor a share (10%), nor a size (256MiB)",
           text);
    }
  };
  app.add_option_function<std::string>(
         "--kv-budget", set_budget,
         "what may be kept: N tokens per layer and KV head (selections 4096, quest 2048), "
         "P% of a dense cache's bytes after the prompt, or a SIZE in all")
      ->type_name("N|P%|SIZE");
  const auto set_positions = [&options](size_t index) { options.window_slots = index == 1; };
  add_choice(app, "--positions", kPositions, set_positions,
             "window: tokens keep their positions, or are counted by their slots in the cache", "absolute");
  add_count(app, "--observe", options.observed, "snapkv, pyramidkv: last queries whose attention selects (32)",
            {1, kMaxCount});
  add_count(app, "--pool-kernel", options.kernel, "snapkv, pyramidkv: positions pooled, odd (7)", {1, kMaxCount});
  const auto set_pooling = [&options](size_t index) { options.pooling = static_cast<Pooling>(index); };
  add_choice(app, "--pooling", kPoolings, set_pooling, "snapkv, pyramidkv: how", "max");
  add_count(app, "--beta", options.beta, "pyramidkv: the highest layer keeps about 1/beta of the mean (20)",
            {1, kMaxCount});
  add_count(app, "--h2o-recent", options.h2o_recent, "h2o: recent tokens of the budget (half)", {1, kMaxCount});
  add_limit(app, "--skip-gate", options.skip_gate,
            "pod: leave distant tokens out where proximal ones have at least this share of the attention (off)");
  const auto set_gate = [&options](size_t index) { options.gate = static_cast<GateKind>(index); };
  add_choice(app, "--gate", kGateKindNames, set_gate, "how that share is estimated; exact: computed", "donor");
  add_count(app, "--cla-factor", options.cla_factor, "cla: layers that share keys and values (2)", {2, kMaxCount});
}

bool says_cache(const CommonOptions& options) {
  const auto flags = cache_flags(options, CacheKind::kDense);
  return options.cache || std::ranges::any_of(flags, &Flag::given);
}

CacheChoice chosen_cache(const CommonOptions& options, const CacheGeometry& geometry) {
  CacheChoice choice{.kind = options.cache.value_or(CacheKind::kDense)};
  for (const Flag& flag : cache_flags(options, choice.kind)) {
    if (!flag.given || flag.taken) continue;
    fail(ErrorKind::kUsage, "{} has no effect with --cache {}; choose another cache or leave it out", flag.name,
         cache_kind_name(choice.kind));
  }
  NamedMap named;
  if (uses_map(choice.kind)) {
    named = chosen_map(options, geometry, choice.kind);
    choice.map = named.map;
  }
  choice.window = {options.ns.value_or(choice.window.n_first), options.nr.value_or(choice.window.n_recent),
                   options.window_slots.value_or(false)};
  choice.lm_infinite = {choice.window.n_first, choice.window.n_recent};
  SnapKvSettings& snapkv = choice.selection.snapkv;
  snapkv = {options.observed.value_or(snapkv.window), options.kernel.value_or(snapkv.kernel),
            options.pooling.value_or(snapkv.pooling)};
  if (snapkv.kernel % 2 == 0) fail(ErrorKind::kUsage, "--pool-kernel {} is even; it must have a middle", snapkv.kernel);
  choice.selection.pyramidkv.beta = options.beta.value_or(choice.selection.pyramidkv.beta);
  choice.selection.h2o_recent = options.h2o_recent;
  if (options.skip_gate) choice.gate = {*options.skip_gate, options.gate.value_or(GateKind::kDonor)};
  choice.cla_factor = options.cla_factor.value_or(choice.cla_factor);
  check_cache_choice(choice, geometry, named.origin);
  return choice;
}

DType checked_cache_dtype(const char* flag, std::optional<DType> chosen, Precision precision, size_t head_dim) {
  const DType own = default_cache_dtype(precision);
  if (!chosen) return own;
  const bool possible = precision == Precision::kFast ? *chosen != DType::kF64 : *chosen == own;
  if (!possible) {
    fail(ErrorKind::kUsage, "{} {} does not go with --precision {}, which keeps {}", flag, cache_type_name(*chosen),
         precision_name(precision), precision == Precision::kFast ? "f32, f16, bf16 or q8_0" : cache_type_name(own));
  }
  const size_t block = block_elements(*chosen);
  if (head_dim % block != 0) {
    fail(ErrorKind::kUsage, "{} {} keeps blocks of {} values, but this model's heads have {}; choose bf16", flag,
         cache_type_name(*chosen), block, head_dim);
  }
  return *chosen;
}

}  // namespace proxima
