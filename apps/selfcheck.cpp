// SPDX-License-Identifier: MIT
#include "apps/selfcheck.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <limits>

#include "apps/ids_file.h"
#include "apps/input.h"
#include "apps/option_values.h"
#include "apps/recorded_run.h"
#include "apps/selfcheck_report.h"
#include "apps/text_output.h"
#include "core/error.h"
#include "model/tokenizer.h"

namespace proxima {
namespace {

constexpr size_t kDefaultTokens = 64;
constexpr size_t kMaxThreads = 1024;
constexpr size_t kTopK = 10;
// Targets below the best one may be a hundred times slower: they read fewer tokens of a large model.
constexpr double kTargetMultiplyAdds = 8e9;
constexpr size_t kMinTargetTokens = 4;

class Selfcheck {
 public:
  Selfcheck(const SelfcheckOptions& options, const Session& session)
      : options_(options),
        model_(session.model()),
        best_(supported_simd_targets().back()),
        n_threads_(std::max(2, session.compute().n_threads)) {
    report_.model = model_.dir.string();
    report_.nmse_limit = options.fast_nmse;
    choose_ids(session);
  }

  SelfcheckReport run() {
    check_bits(Precision::kF32);
    if (options_.f64) check_bits(Precision::kF64);
    check_fast();
    return std::move(report_);
  }

 private:
  void choose_ids(const Session& session) {
    const size_t wanted = options_.n_tokens.value_or(kDefaultTokens);
    std::string source = options_.ids;
    if (!options_.ids.empty()) {
      ids_ = read_ids(options_.ids);
    } else if (!options_.text.empty()) {
      source = options_.text;
      ids_ = Tokenizer::open(model_.dir).encode(read_document(options_.text).text);
    } else {
      source = "pseudo-random ids";
      const size_t n = options_.n_tokens ? wanted : std::min(wanted, session.context_limit(wanted));
      check_room(session, n);  // before a typing error fills the memory with ids
      ids_ = pseudo_random_ids(n, model_.config.vocab);
    }
    if (options_.n_tokens && wanted > ids_.size()) {
      fail(ErrorKind::kUsage, "--tokens {}: {} has only {}", wanted, source, ids_.size());
    }
    ids_.resize(std::min(wanted, ids_.size()));
    report_.tokens = fmt::format("{} tokens of {}", ids_.size(), source);
    check_room(session, ids_.size());
  }

  // In f64 with the logits of three runs; fewer tokens would do.
  void check_room(const Session& session, size_t n_tokens) const {
    session.check(fmt::format("{} tokens", n_tokens), n_tokens, 0, "; lower --tokens");
    MemoryRequest request = session.request();
    request.precision = Precision::kF64;
    request.key_dtype = request.value_dtype = DType::kF64;
    request.n_threads = n_threads_;
    request.limits = {n_tokens, n_tokens};
    MemoryPlan plan = plan_memory(model_.config, model_.checkpoint.n_bytes(), request);
    plan.peak += 3 * n_tokens * (model_.config.vocab + model_.config.n_layers * model_.config.hidden) * sizeof(double);
    check_memory(plan, model_.config, request);
  }

  RecordedRun record(const std::string& what, RunSetup setup, size_t n_tokens) {
    if (!options_.common.quiet) {
      const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
      fmt::print(stderr, "proxima: {:6.1f} s: {}, {}, {} tokens\n", seconds, precision_name(setup.precision), what,
                 n_tokens);
    }
    return RecordedRun(model_, std::span(ids_).first(n_tokens), setup);
  }

  void compare(const std::string& name, const RecordedRun& expected, const RunSetup& setup) {
    const size_t n_tokens = expected.logits().n_rows;
    const RecordedRun got = record(name, setup, n_tokens);
    report_.checks.push_back({name, setup.precision, n_tokens, first_difference(expected.logits(), got.logits())});
  }

  RunSetup usual(Precision precision) const { return {precision, best_, n_threads_, ids_.size()}; }

  void check_bits(Precision precision) {
    const RecordedRun whole = record("the run that others are compared with", usual(precision), ids_.size());
    const auto with = [&](auto change) {
      RunSetup setup = usual(precision);
      change(setup);
      return setup;
    };
    compare(fmt::format("1 thread = {}", n_threads_), whole, with([](RunSetup& s) { s.n_threads = 1; }));
    for (const size_t chunk : {size_t{1}, size_t{7}}) {
      compare(fmt::format("chunk {} = whole", chunk), whole, with([=](RunSetup& s) { s.chunk = chunk; }));
    }
    check_targets(precision, whole);
    const CacheGeometry geometry = cache_geometry(model_.config);
    compare("identity map = dense", whole, with([&](RunSetup& s) { s.map = identity_map(geometry); }));
    if (auto map = paired_map(geometry)) {
      map->ns = std::min<size_t>(4, ids_.size() - 1);
      map->nr = ids_.size() - map->ns;
      compare("PoD within ns + nr = dense", whole, with([&](RunSetup& s) { s.map = map; }));
    }
    check_saving(precision, whole);
  }

  // Half of the prompt is read, saved and restored; dense, and PoD with distant tokens on both sides of the border.
  void check_saving(Precision precision, const RecordedRun& whole) {
    const size_t half = ids_.size() / 2;
    if (rotation_limit(model_.config, half) < ids_.size()) return;  // then half a prompt rotates in another way
    RunSetup setup = usual(precision);
    setup.saved_at = half;
    compare("saved and restored = whole", whole, setup);
    setup.map = paired_map(cache_geometry(model_.config));
    if (!setup.map) return;
    setup.map->ns = ids_.size() / 16;
    setup.map->nr = ids_.size() / 8 + 1;
    RunSetup unsaved = setup;
    unsaved.saved_at = 0;
    compare("PoD saved and restored = PoD", record("PoD", unsaved, ids_.size()), setup);
  }

  void check_targets(Precision precision, const RecordedRun& whole) {
    size_t n_parameters = 1;
    for (const auto& [name, view] : model_.checkpoint.tensors()) n_parameters += view.n_elements();
    const double affordable = kTargetMultiplyAdds / static_cast<double>(n_parameters);
    const size_t n_tokens = std::min(
        ids_.size(), affordable > 1e9 ? ids_.size() : std::max(kMinTargetTokens, static_cast<size_t>(affordable)));
    std::optional<RecordedRun> shorter;
    for (const SimdTarget target : supported_simd_targets()) {
      if (target == best_) continue;
      if (!shorter && n_tokens < ids_.size()) shorter = record("fewer tokens", usual(precision), n_tokens);
      RunSetup setup = usual(precision);
      setup.target = target;
      compare(fmt::format("{} = {}", simd_target_name(target), simd_target_name(best_)), shorter ? *shorter : whole,
              setup);
    }
  }

  void check_fast() {
    RunSetup setup = usual(Precision::kF64);
    setup.keep_layers = true;
    const RecordedRun exact = record("every layer", setup, ids_.size());
    setup.precision = Precision::kFast;
    const RecordedRun fast = record("every layer", setup, ids_.size());
    const auto add = [&](const std::string& name, const RowsView& ref, const RowsView& got) {
      const TensorError error = measure_error(ref, got, {});
      report_.fast.push_back(
          {name, error.n_unlike > 0 ? std::numeric_limits<double>::quiet_NaN() : error.max_abs, error.nmse});
    };
    for (size_t layer = 0; layer < exact.n_layers(); ++layer) {
      add(full_point_name(Point::kResidPost, layer), exact.resid_post(layer), fast.resid_post(layer));
    }
    add("logits", exact.logits(), fast.logits());
    report_.top = measure_top(exact.logits(), fast.logits(), kTopK);
  }

  const SelfcheckOptions& options_;
  const Model& model_;
  SimdTarget best_;
  int n_threads_;
  std::vector<TokenId> ids_;
  SelfcheckReport report_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

SharingMap identity_map(const CacheGeometry& geometry) {
  SharingMap map{geometry.n_layers, geometry.n_kv_heads, 0, 1, {}};
  std::vector<size_t> starts(geometry.n_layers);
  for (size_t layer = 0; layer < starts.size(); ++layer) starts[layer] = layer;
  map.block_starts.assign(geometry.n_kv_heads, starts);
  return map;
}

std::optional<SharingMap> paired_map(const CacheGeometry& geometry) {
  std::vector<size_t> starts = {0};
  for (size_t layer = 1; layer < geometry.n_layers; ++layer) {
    const bool alike = geometry.layer_class[layer] == geometry.layer_class[layer - 1];
    if (!alike || layer - starts.back() == 2) starts.push_back(layer);
  }
  if (starts.size() == geometry.n_layers) return std::nullopt;
  SharingMap map{geometry.n_layers, geometry.n_kv_heads, 0, 1, {}};
  map.block_starts.assign(geometry.n_kv_heads, starts);
  return map;
}

void declare_selfcheck(CLI::App& app, SelfcheckOptions& options) {
  add_model_options(app, options.common);
  app.add_option("--text", options.text, "take the tokens from this text; - is standard input")->type_name("FILE");
  app.add_option("--ids", options.ids, "or from a JSON array of ids, or an object whose input_ids is one")
      ->type_name("FILE");
  add_count(app, "--tokens", options.n_tokens, "how many (default: 64, or what there is)", {2, kMaxCount});
  add_count(app, "-t,--threads", options.common.n_threads,
            "threads to compare one thread with (default: physical cores the process may use, at least 2)",
            {1, kMaxThreads});
  app.add_flag("--f64", options.f64, "check the bits of f64 too");
  add_limit(app, "--fast-nmse", options.fast_nmse, "largest NMSE of a layer or the logits of fast against f64");
  app.add_flag("--json", options.json, "one JSON object on standard output");
  app.footer(
      "Targets below the best one are slow: of a large model they read fewer tokens, at least 4.\n"
      "Exit code 0: all as promised, 1: not.\n"
      "Example: proxima selfcheck -m DIR --text report.txt");
}

void selfcheck(const SelfcheckOptions& options) {
  if (!options.text.empty() && !options.ids.empty()) {
    fail(ErrorKind::kUsage, "--text and --ids both say which tokens; give one of them");
  }
  const Session session(options.common);
  check_weights_finite(session.model().checkpoint);
  const SelfcheckReport report = Selfcheck(options, session).run();
  write_output(options.json ? report_json(report) : report_text(report));
  if (const size_t failed = report.n_failed()) {
    fail(ErrorKind::kLimit, "{}: {} of {} checks failed", report.model, failed, report.n_checks());
  }
}

}  // namespace proxima
