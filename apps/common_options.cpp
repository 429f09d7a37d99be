// SPDX-License-Identifier: MIT
#include "apps/common_options.h"

#include <CLI/CLI.hpp>
#include <array>

#include "apps/option_values.h"
#include "core/error.h"

namespace proxima {
namespace {

constexpr std::array<std::string_view, 4> kTargets = {"scalar", "avx2", "avx512", "neon"};
constexpr std::array<std::string_view, 2> kWeightTypes = {"stored", "int8"};
constexpr size_t kMaxThreads = 1024;
constexpr size_t kMaxChunk = 65536;

}  // namespace

void add_model_options(CLI::App& app, CommonOptions& options) {
  app.add_option("-m,--model", options.model, "Hugging Face folder (default: the bundled demo model)")
      ->type_name("DIR");
  app.add_flag("-v,--verbose", options.verbose, "say more on standard error: effective options, bytes per layer");
  app.add_flag("-q,--quiet", options.quiet, "say nothing on standard error but warnings and errors");
}

void add_arithmetic_options(CLI::App& app, CommonOptions& options) {
  const auto set_precision = [&options](size_t index) { options.precision = static_cast<Precision>(index); };
  add_choice(app, "--precision", kPrecisionNames, set_precision,
             "arithmetic; f64 and f32 give the same bits everywhere", "fast");
  const auto set_weights = [&options](size_t index) { options.int8_weights = index == 1; };
  add_choice(app, "--weights", kWeightTypes, set_weights,
             "int8: quantize at load; half of bf16's memory and reading, less exact (fast only)", "stored");
}

void add_precision_options(CLI::App& app, CommonOptions& options) {
  add_arithmetic_options(app, options);
  add_count(app, "-t,--threads", options.n_threads, "threads (default: physical cores the process may use)",
            {1, kMaxThreads});
  add_count(app, "--chunk", options.chunk, "tokens of the prompt read at once", {1, kMaxChunk});
}

void add_simd_option(CLI::App& app, CommonOptions& options) {
  const auto set = [&options](size_t index) { options.simd = simd_target_from_name(kTargets[index]); };
  add_choice(app, "--simd", kTargets, set, "force an instruction set (default: the best this processor has)", "");
}

void add_force_option(CLI::App& app, CommonOptions& options) {
  app.add_flag("--force", options.force, "start even if the plan says that memory will not suffice");
}

void add_sequence_options(CLI::App& app, CommonOptions& options) {
  add_precision_options(app, options);
  add_simd_option(app, options);
  add_cache_options(app, options);
  add_force_option(app, options);
}

void add_check_finite_option(CLI::App& app, CommonOptions& options) {
  app.add_flag("--check-finite", options.check_finite,
               "look at every weight and at every tensor of every layer; stop at the first NaN or infinity, naming it");
}

std::filesystem::path model_folder(const CommonOptions& options) {
  if (!options.model.empty()) return options.model;
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored);
  const auto installed = (program.parent_path() / PROXIMA_INSTALLED_DEMO).lexically_normal();
  if (std::filesystem::exists(installed / "config.json", ignored)) return installed;
  return PROXIMA_SOURCE_DEMO;
}

Compute chosen_compute(const CommonOptions& options) {
  const SimdTarget target = options.simd.value_or(supported_simd_targets().back());
  const size_t available = static_cast<size_t>(default_threads().n_threads);
  return {&kernels_for(target), static_cast<int>(options.n_threads.value_or(available))};
}

std::string describe_threads(const CommonOptions& options) {
  const ThreadChoice choice = default_threads();
  if (!options.n_threads) return fmt::format("{} threads ({})", choice.n_threads, choice.reason);
  if (*options.n_threads > static_cast<size_t>(choice.n_threads)) {
    fmt::print(stderr, "proxima: warning: -t {} is more than the {} that help here ({}); expect it to be slower\n",
               *options.n_threads, choice.n_threads, choice.reason);
  }
  return fmt::format("{} threads (-t)", *options.n_threads);
}

MemoryRequest memory_request(const CommonOptions& options, const CacheGeometry& geometry) {
  const auto& saved = options.saved;
  const size_t available = static_cast<size_t>(default_threads().n_threads);
  MemoryRequest request;
  request.n_threads = static_cast<int>(options.n_threads.value_or(available));
  request.precision = options.precision.value_or(saved ? saved->precision : Precision::kFast);
  request.int8_weights = options.int8_weights.value_or(saved && saved->int8_weights);
  if (request.int8_weights && request.precision != Precision::kFast) {
    fail(ErrorKind::kUsage, "--weights int8 does not go with --precision {}, which multiplies by weights as stored",
         precision_name(request.precision));
  }
  const auto key_dtype = saved && !options.key_dtype ? saved->key_dtype : options.key_dtype;
  const auto value_dtype = saved && !options.value_dtype ? saved->value_dtype : options.value_dtype;
  request.key_dtype = checked_cache_dtype("-ctk", key_dtype, request.precision, geometry.head_dim);
  request.value_dtype = checked_cache_dtype("-ctv", value_dtype, request.precision, geometry.head_dim);
  request.cache = saved && !says_cache(options) ? saved->cache : chosen_cache(options, geometry);
  request.budget = options.kv_budget;
  return request;
}

}  // namespace proxima
