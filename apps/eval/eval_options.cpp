// SPDX-License-Identifier: MIT
#include "apps/eval/eval_options.h"
#include "apps/cache_spec.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/eval/settings.h"
#include "apps/option_values.h"
#include "apps/text_output.h"
#include "core/error.h"

namespace proxima {

void declare_eval_without_cache(CLI::App& app, EvalOptions& options) {
  add_model_options(app, options.common);
  add_precision_options(app, options.common);
  add_simd_option(app, options.common);
  add_force_option(app, options.common);
  app.add_option("-o,--results", options.results,
                 "keep results here, one JSON object a line; the same command goes on where it was interrupted")
      ->type_name("FILE");
  app.add_flag("--json", options.json, "the summary as one JSON object on standard output");
}

void declare_eval(CLI::App& app, EvalOptions& options) {
  declare_eval_without_cache(app, options);
  add_cache_options(app, options.common);
  options.cache_flags = [&app] { return given_cache_options(app); };
}

void declare_windows(CLI::App& app, WindowOptions& options) {
  app.add_option("-f,--file", options.files, "text; may be repeated, - is standard input")->type_name("FILE");
  add_count(app, "--length", options.length, "tokens of a window (default: of the shortest text, at most 4096)",
            {2, kMaxCount});
  add_count(app, "--windows", options.n_windows, "windows (default: all that the texts hold, at most 32)",
            {1, kMaxCount});
  add_count(app, "--forced", options.n_forced, "last tokens of a window, read one at a time after the cache has acted",
            {1, kMaxCount});
}

CommonOptions with_dense_cache(const CommonOptions& options) {
  CommonOptions dense;
  dense.model = options.model;
  dense.verbose = options.verbose;
  dense.quiet = options.quiet;
  dense.precision = options.precision;
  dense.int8_weights = options.int8_weights;
  dense.n_threads = options.n_threads;
  dense.simd = options.simd;
  dense.chunk = options.chunk;
  dense.ctx_size = options.ctx_size;
  dense.key_dtype = options.key_dtype;
  dense.value_dtype = options.value_dtype;
  dense.force = options.force;
  return dense;
}

void with_results(const EvalOptions& options, const std::function<void()>& command) {
  try {
    command();
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorKind::kInput, "{}: holds a result that this version has not written ({}); name another file",
         options.results.empty() ? "results" : options.results, error.what());
  }
}

void write_json(const nlohmann::ordered_json& summary) {
  write_output(summary.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

}  // namespace proxima
