// SPDX-License-Identifier: MIT
#include "apps/generation.h"

#include <CLI/CLI.hpp>
#include <array>

#include "apps/option_values.h"
#include "core/error.h"

namespace proxima {
namespace {

constexpr std::array<std::string_view, 4> kProgressModes = {"auto", "plain", "json", "none"};

}  // namespace

void declare_generation(CLI::App& app, GenerationOptions& options) {
  add_count(app, "-n,--predict,--n-predict,--max-tokens", options.n_predict, "tokens to generate at most");
  app.add_option("--temp,--temperature", options.sampler.temperature, "0 is greedy")->capture_default_str();
  add_count(app, "--top-k", options.sampler.top_k, "sample among the N most probable tokens, 0: all");
  app.add_option("--top-p", options.sampler.top_p, "sample among the tokens that make up this mass")
      ->capture_default_str();
  app.add_option("--min-p", options.sampler.min_p, "sample among tokens at least so probable, relative to the best")
      ->capture_default_str();
  const auto set_seed = [&options](const std::string& text) {
    options.sampler.seed = parse_count("--seed", text, 0, UINT64_MAX);
  };
  app.add_option_function<std::string>("-s,--seed", set_seed, "of sampling")->type_name("N")->default_str("0");
  app.add_flag("--json", options.json, "one JSON object an answer on standard output");
  app.add_flag("--no-stream", options.no_stream, "write the text when it is complete");
  add_progress_option(app, options.progress);
}

void add_progress_option(CLI::App& app, ProgressMode& mode, const std::string& help) {
  const auto set = [&mode](size_t index) { mode = static_cast<ProgressMode>(index); };
  add_choice(app, "--progress", kProgressModes, set, help, "auto");
}

void check_generation(const GenerationOptions& options) {
  const SamplerOptions& sampler = options.sampler;
  const Sampler checked(sampler);
  if (sampler.temperature == 0 && (sampler.top_k != 0 || sampler.top_p != 1 || sampler.min_p != 0)) {
    fail(ErrorKind::kUsage, "--top-k, --top-p and --min-p have no effect without --temp above 0");
  }
  if (options.json && options.no_stream) fail(ErrorKind::kUsage, "--no-stream has no effect with --json");
}

}  // namespace proxima
