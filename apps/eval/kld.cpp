// SPDX-License-Identifier: MIT
#include "apps/eval/kld.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/eval/result_log.h"
#include "apps/eval/settings.h"
#include "apps/eval/unit_progress.h"
#include "apps/eval/window_divergence.h"
#include "apps/option_values.h"
#include "apps/text_output.h"
#include "core/error.h"

namespace proxima {
namespace {

using nlohmann::ordered_json;

BaseShape base_shape(const Session& session, const ScoredWindows& windows, size_t n_prompt_rows) {
  const size_t n_rows = windows.sequence(0, n_prompt_rows).n_scored_prompt + windows.n_forced;
  return {logits_dtype(session), windows.ids.size(), windows.length, n_rows, session.model().config.vocab};
}

void save_base(const KldOptions& options, const Session& session, const ScoredWindows& windows,
               const ordered_json& settings) {
  const BaseShape shape = base_shape(session, windows, options.n_prompt_rows);
  if (!options.common.quiet) {
    fmt::print(stderr, "proxima: {} windows x {} rows x {} logits: {} in {}, twice that while it is put together\n",
               shape.n_windows, shape.n_rows, shape.vocab, format_bytes(shape.n_bytes()), options.save_base);
  }
  BaseWriter writer(options.save_base, shape, settings);
  UnitProgress progress("windows", shape.n_windows, options.common.quiet, options.save_base + ".window-*");
  for (size_t window = 0; window < shape.n_windows; ++window) {
    progress.run(writer.has(window, windows.ids[window]), [&] {
      writer.write(window, windows.ids[window], run_base(session, windows, window, options.n_prompt_rows).rows);
    });
  }
  writer.finish();
}

// What both runs must have in common; other settings (cache, precision, chunk) are what is compared.
void check_base(const BaseFile& base, const ordered_json& settings, const std::string& path) {
  const auto theirs = ordered_json::parse(base.settings(), nullptr, false);
  for (const char* key : {"model", "tokens", "windows", "forced", "prompt_rows", "ids"}) {
    if (theirs.is_object() && theirs.contains(key) && theirs[key] == settings[key]) continue;
    const std::string kept = theirs.is_object() && theirs.contains(key) ? theirs[key].dump() : "unknown";
    fail(ErrorKind::kInput, "{}: was made with another {}: {} there, {} here", path,
         std::string_view(key) == "model" ? "model (fingerprint of the weights)" : key, kept, settings[key].dump());
  }
}

void print_table(const ordered_json& summary, const ScoredWindows& windows) {
  std::string text = fmt::format("{:<8}{:>8}{:>25}{:>11}{:>11}{:>11}{:>12}{:>12}{:>11}\n", "part", "tokens",
                                 "KLD mean (nats)", "median", "99 %", "max", "same top", "base ppl", "ppl");
  for (const char* name : {"prompt", "forced"}) {
    const ordered_json& part = summary[name];
    if (part["n"] == 0) continue;
    const auto number = [&](const char* key) { return part.at(key).get<double>(); };
    text += fmt::format("{:<8}{:>8}{:>13.6f} +- {:<8.6f}{:>11.6f}{:>11.6f}{:>11.6f}{:>10.2f} %{:>12.4f}{:>11.4f}\n",
                        name, part.at("n").get<size_t>(), number("kld"), number("kld_error"), number("median"),
                        number("p99"), number("max"), 100 * number("same_top"), number("base_ppl"), number("ppl"));
  }
  write_output(text + fmt::format("{} windows of {} tokens; {}\n", windows.ids.size(), windows.length,
                                  describe_cost(summary["cost"])));
}

void check_limits(const KldOptions& options, const ordered_json& forced) {
  const double kld = forced["kld"];
  const double same_top = 100 * forced.at("same_top").get<double>();
  if (options.max_kld && kld > *options.max_kld) {
    fail(ErrorKind::kLimit, "the mean KLD of the forced tokens is {:.6f}, above --max-kld {}", kld, *options.max_kld);
  }
  if (options.min_same_top && same_top < *options.min_same_top) {
    fail(ErrorKind::kLimit, "the same token is on top in {:.2f} % of the forced tokens, below --min-same-top {}",
         same_top, *options.min_same_top);
  }
}

void check_flags(const KldOptions& options) {
  if (!options.save_base.empty() && !options.base.empty()) {
    fail(ErrorKind::kUsage, "--save-base and --base contradict each other; make the base first, then compare");
  }
  if (options.save_base.empty()) return;
  const char* without_effect = options.max_kld            ? "--max-kld"
                               : options.min_same_top     ? "--min-same-top"
                               : !options.results.empty() ? "-o"
                               : options.json             ? "--json"
                                                          : nullptr;
  if (without_effect != nullptr) fail(ErrorKind::kUsage, "{} has no effect with --save-base", without_effect);
}

}  // namespace

void declare_kld(CLI::App& app, KldOptions& options) {
  declare_eval(app, options);
  declare_windows(app, options.windows);
  add_count(app, "--prompt-rows", options.n_prompt_rows, "compare also the last N predictions inside the prompt");
  app.add_option("--save-base", options.save_base, "write the logits of this cache to compare other runs with")
      ->type_name("FILE");
  app.add_option("--base", options.base, "compare with these logits instead of a dense run in this process")
      ->type_name("FILE");
  add_limit(app, "--max-kld", options.max_kld, "exit code 1 if the mean of the forced tokens is above this");
  add_limit(app, "--min-same-top", options.min_same_top, "exit code 1 if fewer per cent have the same top token");
  app.footer(
      "Without --base each window is read twice: with the dense cache, then with the one asked for.\n"
      "Example: proxima eval kld -m DIR -f book.txt --cache pod --map map.json -o kld.jsonl");
}

void eval_kld(const KldOptions& options) {
  check_flags(options);
  const Session session(options.common);
  const ScoredWindows windows = read_windows(session, options.windows);
  ordered_json settings = {{"command", "kld"}};
  settings.update(run_settings(session, options.cache_flags()));
  add_window_settings(settings, windows);
  settings["prompt_rows"] = windows.sequence(0, options.n_prompt_rows).n_scored_prompt;
  if (!options.save_base.empty()) return save_base(options, session, windows, settings);

  std::optional<BaseFile> base;
  if (!options.base.empty()) {
    base.emplace(options.base);
    check_base(*base, settings, options.base);
    settings["base"] = ordered_json::parse(base->settings());
  }
  const Session dense(session, with_dense_cache(options.common));
  ResultLog log(options.results);
  log.use(settings);
  UnitProgress progress("windows", windows.ids.size(), options.common.quiet, options.results);
  std::vector<ordered_json> results;
  for (size_t window = 0; window < windows.ids.size(); ++window) {
    const std::string key = fmt::format("window {}", window);
    progress.run(log.find(key) != nullptr, [&] {
      const size_t n_rows = base_shape(session, windows, options.n_prompt_rows).n_rows;
      LogitRows rows = base ? base->rows(window, windows.ids[window], n_rows, session.model().config.vocab)
                            : run_base(dense, windows, window, options.n_prompt_rows).rows;
      log.add(key, compare_window(session, windows, window, options.n_prompt_rows, rows));
    });
    results.push_back(ordered_json::parse(*log.find(key)));
  }
  ordered_json summary = summarize_windows(results);
  summary["settings"] = settings;
  if (options.json) {
    write_json(summary);
  } else {
    print_table(summary, windows);
  }
  check_limits(options, summary["forced"]);
}

}  // namespace proxima
