// SPDX-License-Identifier: MIT
#include "apps/session.h"

#include <algorithm>
#include <array>

#include "apps/job_progress.h"
#include "core/error.h"
#include "core/memory_limit.h"
#include "model/fingerprint.h"
#include "model/int8_weights.h"

namespace proxima {
namespace {

// Costs memory before any sequence does.
void quantize(Model& model, const CommonOptions& options) {
  const WeightBytes bytes = weight_bytes(model.checkpoint, model.weights, true);
  const MemoryLimit available = available_memory();
  if (bytes.resident() > available.bytes && !options.force) {
    fail(ErrorKind::kMemory, "the weights as int8 need {} but only {} are there ({}); insist with --force",
         format_bytes(bytes.resident()), format_bytes(available.bytes), available.reason);
  }
  JobProgress progress(options.quiet ? ProgressMode::kNone : ProgressMode::kAuto, "quantizing the weights");
  quantize_weights(model, chosen_compute(options), [&](size_t done, size_t total) {
    progress.update(static_cast<double>(done), static_cast<double>(total),
                    fmt::format("{} of {} million", done / 1000000, total / 1000000));
  });
}

Model open_checked(const CommonOptions& options) {
  Model model = open_model(model_folder(options));
  check_context_size(options, model.config);
  chosen_compute(options);  // both throw for flags that are wrong, before the work begins
  const MemoryRequest request = memory_request(options, cache_geometry(model.config));
  if (request.cache.map) check_map_fingerprint(*request.cache.map, model.checkpoint, options.map);
  if (options.check_finite) check_weights_finite(model.checkpoint);
  if (request.int8_weights) quantize(model, options);
  return model;
}

}  // namespace

std::string format_bytes(size_t n_bytes) {
  constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(n_bytes);
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return unit == 0 ? fmt::format("{} B", n_bytes) : fmt::format("{:.2f} {}", value, kUnits[unit]);
}

Session::Session(const CommonOptions& options)
    : options_(options),
      model_(std::make_shared<const Model>(open_checked(options))),
      compute_(chosen_compute(options)),
      request_(memory_request(options, cache_geometry(model_->config))) {
  const std::string threads = describe_threads(options);
  if (options.quiet) return;
  fmt::print(stderr, "proxima: {}, {}{}, {}, {}\n", options.model.empty() ? "the bundled demo model" : options.model,
             precision_name(request_.precision), request_.int8_weights ? " with int8 weights" : "",
             simd_target_name(compute_.kernels->target), threads);
}

CacheSettings Session::cache_settings(const CacheChoice& choice) const {
  return {request_.precision, request_.key_dtype, request_.value_dtype, choice, request_.int8_weights};
}

Session::Session(const Session& opened, const CommonOptions& options)
    : options_(options),
      model_(opened.model_),
      compute_(chosen_compute(options)),
      request_(memory_request(options, cache_geometry(model_->config))) {
  if (request_.cache.map) check_map_fingerprint(*request_.cache.map, model_->checkpoint, options.map);
  check_context_size(options, model_->config);
}

size_t Session::context_limit(size_t n_prompt) const {
  return std::min({options_.ctx_size.value_or(SIZE_MAX), trained_context(model_->config),
                   rotation_limit(model_->config, n_prompt)});
}

MemoryPlan Session::check(const std::string& what, size_t n_prompt, size_t n_predict, const std::string& advice) const {
  if (n_prompt == 0) fail(ErrorKind::kUsage, "{} is empty: there is nothing to read", what);
  const size_t limit = context_limit(n_prompt);
  if (n_prompt > limit || n_predict > limit - n_prompt) {
    fail(ErrorKind::kContext, "{}: {} tokens and {} for the answer (-n) do not fit the context of {} tokens ({}){}",
         what, n_prompt, n_predict, limit, limit == options_.ctx_size ? "-c" : "the model's limit", advice);
  }
  const MemoryRequest request = request_for(n_prompt, n_predict);
  const WeightBytes weights = weight_bytes(model_->checkpoint, model_->weights, request.int8_weights);
  const MemoryPlan plan = plan_memory(model_->config, weights.resident(), request);
  if (!options_.force) check_memory(plan, model_->config, request);
  return plan;
}

Job Session::start(const std::string& what, size_t n_prompt, size_t n_predict) const {
  const MemoryPlan plan = check(what, n_prompt, n_predict);
  const MemoryRequest request = request_for(n_prompt, n_predict);
  Job job{plan, request.cache, nullptr, nullptr};
  job.transformer = Transformer::create(*model_, compute_, request.precision, request.limits);
  job.cache = make_cache(request.cache, cache_geometry(model_->config), cache_capacity(request));
  return job;
}

MemoryRequest Session::request_for(size_t n_prompt, size_t n_predict) const {
  MemoryRequest request = request_;
  request.limits = {n_prompt + n_predict, std::min(options_.chunk, n_prompt)};
  if (request.budget) {
    request.cache =
        apply_budget(request.cache, *request.budget, cache_geometry(model_->config), cache_capacity(request), n_prompt);
    request.budget.reset();
  }
  return request;
}

void check_context_size(const CommonOptions& options, const ModelConfig& config) {
  if (options.ctx_size && *options.ctx_size > trained_context(config)) {
    fail(ErrorKind::kUsage, "-c {} is more than the {} tokens that {} is made for; -c can only lower the limit",
         *options.ctx_size, trained_context(config), model_folder(options).string());
  }
}

void check_memory(const MemoryPlan& plan, const ModelConfig& config, const MemoryRequest& request) {
  const MemoryLimit available = available_memory();
  if (plan.peak <= available.bytes) return;
  const size_t fits = largest_context(config, plan.weights, request, request.limits.max_context, available.bytes);
  fail(ErrorKind::kMemory,
       "{} tokens need {} (weights {}, KV {}, scratch {}, program {}) but only {} are there ({}); {} tokens would fit; "
       "shorten the text, try --cache pod, or insist with --force",
       request.limits.max_context, format_bytes(plan.peak), format_bytes(plan.weights),
       format_bytes(plan.reading.allocated), format_bytes(plan.scratch), format_bytes(plan.program),
       format_bytes(available.bytes), available.reason, fits);
}

}  // namespace proxima
