// SPDX-License-Identifier: MIT
#include "apps/bench.h"

#include <CLI/CLI.hpp>
#include <array>

#include "apps/bench_case.h"
#include "apps/bench_report.h"
#include "apps/job_progress.h"
#include "apps/option_values.h"
#include "apps/text_output.h"
#include "core/error.h"
#include "core/output_file.h"

namespace proxima {
namespace {

constexpr std::array<std::string_view, 4> kFormats = {"md", "csv", "json", "jsonl"};
constexpr size_t kMaxThreads = 1024;

void add_counts(CLI::App& app, const std::string& names, std::vector<size_t>& values, const std::string& help,
                CountRange range) {
  const auto set = [&values, name = long_name(names), range](const std::vector<std::string>& texts) {
    values.clear();
    for (const std::string& text : texts) values.push_back(parse_count(name, text, range.min, range.max));
  };
  std::string defaults;
  for (const size_t value : values) defaults += (defaults.empty() ? "" : ",") + std::to_string(value);
  app.add_option_function<std::vector<std::string>>(names, set, help)
      ->delimiter(',')
      ->type_name("N,...")
      ->default_str(defaults);
}

// Prompts first, then generation, each at every depth.
std::vector<BenchTest> tests_of(const BenchOptions& options) {
  std::vector<BenchTest> tests;
  for (const size_t depth : options.depths) {
    for (const size_t n : options.n_prompts) {
      if (n > 0) tests.push_back({.n_prompt = n, .depth = depth});
    }
  }
  for (const size_t depth : options.depths) {
    for (const size_t n : options.n_generates) {
      if (n > 0) tests.push_back({.n_generate = n, .depth = depth});
    }
  }
  if (tests.empty()) fail(ErrorKind::kUsage, "nothing to measure: -p and -n are both 0");
  return tests;
}

// Of all combinations, each with the caches beside each other.
std::vector<BenchCase> cases_of(const BenchOptions& options, const Session& session) {
  const auto caches = options.caches.empty() ? std::vector<std::string>{"dense"} : options.caches;
  std::vector<std::optional<size_t>> threads(options.threads.begin(), options.threads.end());
  if (threads.empty()) threads.push_back(std::nullopt);
  std::vector<BenchCase> cases;
  for (const BenchTest& test : tests_of(options)) {
    for (const auto& n_threads : threads) {
      for (const std::string& cache : caches) {
        CommonOptions common = options.common;
        common.n_threads = n_threads;
        cases.emplace_back(session, parse_cache_spec(cache, common), test);
      }
    }
  }
  return cases;
}

}  // namespace

void declare_bench(CLI::App& app, BenchOptions& options) {
  add_model_options(app, options.common);
  add_counts(app, "-p,--n-prompt", options.n_prompts, "tokens of a prompt to read; 0 for none", {0, kMaxCount});
  add_counts(app, "-n,--n-gen", options.n_generates, "tokens to generate; 0 for none", {0, kMaxCount});
  add_counts(app, "-d,--n-depth", options.depths, "tokens that the cache holds before", {0, kMaxCount});
  add_counts(app, "-t,--threads", options.threads, "threads (default: physical cores the process may use)",
             {1, kMaxThreads});
  app.add_option("--cache", options.caches,
                 "a cache and its options, such as pod:map=FILE,nr=64 or NAME=dense:cache-type-k=f16; may be repeated")
      ->type_name("CACHE");
  add_count(app, "-r,--repetitions", options.n_runs, "rounds that are counted", {1, kMaxCount});
  add_arithmetic_options(app, options.common);
  add_count(app, "--chunk", options.common.chunk, "tokens of a prompt read at once", {1, kMaxCount});
  add_simd_option(app, options.common);
  add_force_option(app, options.common);
  const auto set_format = [&options](size_t index) { options.format = static_cast<BenchFormat>(index); };
  add_choice(app, "-o,--output", kFormats, set_format, "how the results are printed", "md");
  app.add_option("--plot", options.plot,
                 "SVG picture of time against depth, or against the prompt's length where there is one depth")
      ->type_name("FILE");
  app.footer(
      "The limit of reading is the multiply-add peak of this processor, that of generating the time in which weights\n"
      "and KV bytes can be read; both are measured with every run, the bandwidth over the mapped weights.\n"
      "Example: proxima bench -m DIR -p 512 -n 32 -d 0,4096,8192 --cache dense --cache pod:map=map.json");
}

void bench(const BenchOptions& options) {
  const Session session(options.common);
  std::vector<BenchCase> cases = cases_of(options, session);
  std::optional<OutputFile> picture;
  if (!options.plot.empty()) picture.emplace(options.plot);
  std::vector<std::vector<BenchSample>> samples(cases.size());
  {
    JobProgress progress(options.common.quiet ? ProgressMode::kNone : ProgressMode::kAuto, "bench");
    const auto total = static_cast<double>((options.n_runs + 1) * cases.size());
    double done = 0;
    for (size_t round = 0; round <= options.n_runs; ++round) {
      for (size_t index = 0; index < cases.size(); ++index) {
        progress.update(done++, total, fmt::format("{} {}", cases[index].test().name(), cases[index].cache_name()));
        const BenchSample sample = cases[index].run();
        if (round > 0) samples[index].push_back(sample);
      }
    }
  }
  std::vector<BenchRow> rows;
  for (size_t index = 0; index < cases.size(); ++index) rows.push_back(bench_row(cases[index], samples[index]));
  write_output(bench_text(rows, options.format));
  if (!picture) return;
  picture->append(bench_svg(rows));
  picture->finish();
}

}  // namespace proxima
