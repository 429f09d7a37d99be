// SPDX-License-Identifier: MIT
#include "apps/explorer.h"

#include <algorithm>
#include <chrono>

#include "apps/explore_local.h"
#include "apps/interrupt.h"
#include "apps/job_progress.h"
#include "core/error.h"
#include "core/memory_limit.h"
#include "model/fingerprint.h"
#include "model/int8_weights.h"

namespace proxima {
namespace {

constexpr double kSavePause = 2;  // seconds

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

bool go_on() {
  return !interrupted();
}

size_t lowest_borrower(const SharingMap& map) {
  for (size_t layer = 1; layer < map.n_layers; ++layer) {
    for (size_t head = 0; head < map.n_kv_heads; ++head) {
      if (!map.owns_distant_keys(layer, head)) return layer;
    }
  }
  return 0;
}

}  // namespace

Explorer::Explorer(const ExploreOptions& options, const Session& session, std::span<const ExploreSample> samples,
                   size_t n_texts, const ExploreFiles& files)
    : options_(options),
      session_(session),
      samples_(samples),
      n_texts_(n_texts),
      files_(files),
      request_(session.request()),
      geometry_(cache_geometry(session.model().config)) {
  const ModelConfig& config = session.model().config;
  request_.limits = {length(), options.common.chunk};
  found_.options = &options;
  found_.model = session.model().dir.filename().empty() ? session.model().dir.parent_path().filename().string()
                                                        : session.model().dir.filename().string();
  found_.fingerprint = checkpoint_fingerprint(session.model().checkpoint);
  found_.tokens = samples_digest(samples);
  found_.precision = precision_name(request_.precision);
  found_.n_heads = config.n_heads;
  found_.length = length();
  found_.n_samples = n_texts;
  found_.n_tasks = samples.size() - n_texts;
  found_.saving_length = options.saving_length.value_or(length());
  state_.settings = {{"--by", std::string(explore_method_name(options.method))},
                     {"weights", found_.fingerprint},
                     {"--precision", found_.precision},
                     {"texts and tasks of digest", found_.tokens},
                     {"--ns", std::to_string(options.ns)},
                     {"--nr", std::to_string(options.nr)},
                     {"--scope", options.distant_only.value_or(false) ? "distant" : "full"},
                     {"--similarity", options.root.value_or(false) ? "1-sqrt" : "1-jsd"}};
  state_.table = PairTable(config.n_layers, config.n_kv_heads);
}

void Explorer::run() {
  require_sharable_layers(geometry_);
  plan_memory();
  restore();
  try {
    fill_table();
    if (options_.method == ExploreMethod::kJs) curve_by_similarity();
    if (options_.method == ExploreMethod::kLocal) curve_by_local_error();
    if (options_.method == ExploreMethod::kKld) search_by_damage();
    if (options_.n_measured) measure_points();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kInterrupt) throw;
    save();
    if (found_.points.size() > 1) finish(true);
    fail(ErrorKind::kInterrupt, "interrupted; what was found is in {}, the same command goes on from there",
         files_.state.string());
  }
  save();
  finish(false);
}

// ---- what is kept on disk -------------------------------------------------------------------------------------------

void Explorer::restore() {
  if (options_.restart) return;
  auto earlier = read_explore_state(files_.state, state_.settings);
  if (!earlier) return;
  state_ = std::move(*earlier);
  const auto& table = state_.table;
  if (table.n_layers != geometry_.n_layers || table.n_kv_heads != geometry_.n_kv_heads ||
      state_.samples_done > n_texts_) {
    fail(ErrorKind::kInput, "{}: is of another model; --restart begins anew", files_.state.string());
  }
  say(fmt::format("going on from {}: {} of {} samples, {} steps", files_.state.string(), state_.samples_done, n_texts_,
                  state_.search.steps.size()));
}

void Explorer::save() {
  write_explore_state(files_.state, state_);
  last_saved_ = now();
}

void Explorer::save_now_and_then() {
  if (now() - last_saved_ >= kSavePause) save();
}

void Explorer::finish(bool is_interrupted) {
  found_.interrupted = is_interrupted;
  write_exploration(found_, files_);
  const CurvePoint& point = found_.points[found_.choice.index];
  const std::string stop = is_interrupted ? "interrupted" : "stopped by " + found_.choice.stopped_by;
  say(fmt::format("{}: s = {:.3f}, saves {:.1f} % of the KV bytes at {} tokens ({}); curve in {}", files_.map.string(),
                  point.map.borrowed_share(), 100 * point.saving, found_.saving_length, stop, files_.table.string()));
  if (found_.choice.index > 0 && point.map.borrowed_share() > 0) return;
  fmt::print(stderr,
             "proxima: warning: in {} no layer shares: nothing is saved; see the curve for what more would cost\n",
             files_.map.string());
}

void Explorer::say(const std::string& text) const {
  if (!options_.common.quiet) fmt::print(stderr, "proxima: {}\n", text);
}

// ---- memory ---------------------------------------------------------------------------------------------------------

void Explorer::plan_memory() {
  const ModelConfig& config = session_.model().config;
  const MemoryLimit available = available_memory();
  MemoryRequest longest = request_;
  for (const ExploreSample& sample : samples_) {
    longest.limits.max_context = std::max(longest.limits.max_context, sample.ids.size());
  }
  longest.limits.max_chunk = std::min(longest.limits.max_chunk, longest.limits.max_context);
  const Model& model = session_.model();
  const WeightBytes weights = weight_bytes(model.checkpoint, model.weights, longest.int8_weights);
  // Weights, program, the transformer's scratch and one dense cache.
  const size_t common = proxima::plan_memory(config, weights.resident(), longest).peak;
  const bool f64 = request_.precision == Precision::kF64;
  const int n_threads = request_.n_threads;
  size_t pass = f64 ? DenseRun<double>::n_bytes(config, request_, length(), options_.n_queries)
                    : DenseRun<float>::n_bytes(config, request_, length(), options_.n_queries);
  if (options_.method == ExploreMethod::kJs) {
    pass += f64 ? similarity_scratch_bytes<double>(config, length(), n_threads)
                : similarity_scratch_bytes<float>(config, length(), n_threads);
  } else {
    pass += f64 ? local_scratch_bytes<double>(config, length(), options_.n_queries, n_threads)
                : local_scratch_bytes<float>(config, length(), options_.n_queries, n_threads);
  }
  size_t meter = 0;
  if (needs_meter()) {
    const size_t left = available.bytes > common ? available.bytes - common : 0;
    const MeterPlan plan = DamageMeter::plan(config, request_, samples_, options_.ns, options_.nr, left);
    residual_stride_ = options_.method == ExploreMethod::kKld ? plan.residual_stride : config.n_layers;
    meter = DamageMeter::n_bytes(config, request_, samples_, options_.ns, options_.nr, residual_stride_);
  }
  const size_t peak = common + std::max(pass, meter);
  say(fmt::format(
      "{} samples of {} tokens, {} tasks; memory {} of {}: model, scratch and a cache {}, the pass over the "
      "samples {}{}",
      n_texts_, length(), found_.n_tasks, format_bytes(peak), format_bytes(available.bytes), format_bytes(common),
      format_bytes(pass),
      meter == 0
          ? ""
          : fmt::format(", measuring {} (residuals of every {}. layer)", format_bytes(meter), residual_stride_)));
  if (peak <= available.bytes || options_.common.force) return;
  fail(ErrorKind::kMemory,
       "exploring needs {} but only {} are there ({}); take fewer --samples or a shorter --length, "
       "or insist with --force",
       format_bytes(peak), format_bytes(available.bytes), available.reason);
}

// ---- the pass over the samples --------------------------------------------------------------------------------------

void Explorer::fill_table() {
  if (request_.precision == Precision::kF64) return fill_table_of<double>();
  fill_table_of<float>();
}

template <class T>
void Explorer::fill_table_of() {
  if (state_.samples_done == n_texts_) return;
  DenseRun<T> run(session_.model(), session_.compute(), request_, length(), options_.n_queries);
  const std::string what = options_.method == ExploreMethod::kJs ? "explore js" : "explore local";
  JobProgress progress(options_.common.quiet ? ProgressMode::kNone : options_.progress, what);
  const auto report = [&] {
    progress.update(static_cast<double>(state_.samples_done), static_cast<double>(n_texts_),
                    fmt::format("sample {}/{}", state_.samples_done, n_texts_));
  };
  for (report(); state_.samples_done < n_texts_; report()) {
    run.read(samples_[state_.samples_done], go_on);
    if (options_.method == ExploreMethod::kJs) {
      const SimilarityOptions similarity{options_.distant_only.value_or(false), options_.root.value_or(false),
                                         options_.ns, options_.nr};
      add_similarities(run, similarity, state_.table);
    } else {
      add_local_errors(run, options_.ns, options_.nr, state_.table);
    }
    ++state_.samples_done;
    save_now_and_then();
    if (!go_on()) fail(ErrorKind::kInterrupt, "interrupted");
  }
}

// ---- curves ---------------------------------------------------------------------------------------------------------

CurvePoint Explorer::dense_point() const {
  return {.map = identity_map(geometry_, options_.ns, options_.nr)};
}

void Explorer::curve_by_similarity() {
  found_.similarity = &state_.table;
  const CompareWith compare = options_.compare.value_or(CompareWith::kLowest);
  found_.points = {dense_point()};
  for (DeltaStep& step : maps_by_delta(state_.table, geometry_, compare, options_.ns, options_.nr)) {
    const double cost = dissimilarity(state_.table, step.map);
    found_.points.push_back({.map = std::move(step.map), .delta = step.delta, .cost = cost});
  }
  add_savings(found_.points, geometry_, cache_capacity(request_), found_.saving_length);
  found_.choice = choose_point(found_.points, options_, true);
}

void Explorer::curve_by_local_error() {
  found_.points = {dense_point()};
  for (const LocalStep& step : greedy_by_local_error(state_.table, geometry_, options_.ns, options_.nr)) {
    CurvePoint point{.map = found_.points.back().map, .cell = step.cell, .cost = step.error};
    borrow(point.map, step.cell);
    found_.points.push_back(std::move(point));
  }
  add_savings(found_.points, geometry_, cache_capacity(request_), found_.saving_length);
  found_.choice = choose_point(found_.points, options_, true);
}

double Explorer::read_dense(DamageMeter& meter) const {
  double total = 0;
  for (const ExploreSample& sample : samples_) total += static_cast<double>(sample.ids.size() * geometry_.n_layers);
  JobProgress progress(options_.common.quiet ? ProgressMode::kNone : options_.progress, "explore, dense pass");
  const double start = now();
  progress.update(0, total, "");
  meter.read_dense(go_on, [&](double done) {
    progress.update(done, total,
                    fmt::format("{:.0f}/{:.0f} tokens", done / static_cast<double>(geometry_.n_layers),
                                total / static_cast<double>(geometry_.n_layers)));
  });
  return (now() - start) / total;
}

// As many as the local greedy takes to reach the saving; it counts cells as well as any other order.
size_t Explorer::steps_expected() const {
  const auto steps = greedy_by_local_error(state_.table, geometry_, options_.ns, options_.nr);
  if (!options_.target_saving || options_.whole_curve) return steps.size();
  std::vector<CurvePoint> points = {dense_point()};
  for (const LocalStep& step : steps) {
    points.push_back({.map = points.back().map});
    borrow(points.back().map, step.cell);
  }
  add_savings(points, geometry_, cache_capacity(request_), found_.saving_length);
  const auto reached =
      std::ranges::find_if(points, [&](const CurvePoint& each) { return each.saving >= *options_.target_saving; });
  return std::min(static_cast<size_t>(reached - points.begin()), steps.size());
}

void Explorer::add_search_points(const DamageSearch& search) {
  const auto& steps = search.state().steps;
  for (size_t index = found_.points.size() - 1; index < steps.size(); ++index) {
    CurvePoint point{.map = found_.points.back().map, .cell = steps[index].cell};
    borrow(point.map, steps[index].cell);
    point.cost = steps[index].damage.total();
    point.measured = steps[index].damage;
    found_.points.push_back(std::move(point));
  }
  add_savings(found_.points, geometry_, cache_capacity(request_), found_.saving_length);
  found_.choice = choose_point(found_.points, options_, steps.size() > 0 && search.state().candidates.empty());
}

void Explorer::measure_points() {
  DamageMeter meter(session_.model(), session_.compute(), request_, samples_, options_.ns, options_.nr,
                    residual_stride_);
  read_dense(meter);
  const size_t last = found_.points.size() - 1;
  const size_t n = std::min(*options_.n_measured, last);
  std::vector<size_t> wanted = {found_.choice.index};
  for (size_t k = 1; k <= n; ++k) wanted.push_back((last * k + n / 2) / n);
  std::ranges::sort(wanted);
  const auto repeated = std::ranges::unique(wanted);
  wanted.erase(repeated.begin(), repeated.end());
  JobProgress progress(options_.common.quiet ? ProgressMode::kNone : options_.progress, "explore, measuring");
  for (size_t k = 0; k < wanted.size(); ++k) {
    progress.update(static_cast<double>(k), static_cast<double>(wanted.size()), fmt::format("point {}", wanted[k]));
    CurvePoint& point = found_.points[wanted[k]];
    point.measured = meter.measure(point.map, lowest_borrower(point.map), go_on);
  }
}

}  // namespace proxima
