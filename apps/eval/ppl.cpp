// SPDX-License-Identifier: MIT
#include "apps/eval/ppl.h"

#include <CLI/CLI.hpp>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/eval/distribution.h"
#include "apps/eval/result_log.h"
#include "apps/eval/scored_windows.h"
#include "apps/eval/settings.h"
#include "apps/eval/unit_progress.h"
#include "apps/option_values.h"
#include "apps/text_output.h"
#include "core/error.h"

namespace proxima {
namespace {

using nlohmann::ordered_json;

constexpr std::array<const char*, 2> kParts = {"prompt", "forced"};

ordered_json score_window(const Session& session, const ScoredWindows& windows, size_t window) {
  const ForcedSequence sequence = windows.sequence(window, SIZE_MAX);
  std::array<MeanError, 2> parts;
  const auto score = [&](size_t target, std::span<const double> logits) {
    const double nll = negative_log_likelihood(logits, sequence.ids[target]);
    if (!std::isfinite(nll)) fail(ErrorKind::kNonFinite, "the logits of position {} are not finite", target - 1);
    parts[target >= sequence.ids.size() - sequence.n_forced ? 1 : 0].add(nll);
  };
  const ForcedCost cost = run_forced(session, fmt::format("window {}", window), sequence, score);
  ordered_json result;
  for (size_t part = 0; part < kParts.size(); ++part) {
    result[kParts[part]] = {
        {"n", parts[part].n()}, {"nll_sum", parts[part].sum()}, {"nll_squares", parts[part].sum_of_squares()}};
  }
  result["cost"] = cost_json(cost);
  return result;
}

ordered_json summary_of(const std::vector<ordered_json>& results) {
  ordered_json summary;
  for (const char* part : kParts) {
    MeanError nll;
    for (const ordered_json& result : results) {
      const ordered_json& sums = result.at(part);
      nll.add_sums(sums.at("n"), sums.at("nll_sum"), sums.at("nll_squares"));
    }
    const double ppl = std::exp(nll.mean());
    summary[part] = {{"n", nll.n()},
                     {"nll", nll.mean()},
                     {"nll_error", nll.error()},
                     {"ppl", ppl},
                     {"ppl_error", ppl * nll.error()}};
  }
  return summary;
}

}  // namespace

void declare_ppl(CLI::App& app, PplOptions& options) {
  declare_eval(app, options);
  declare_windows(app, options.windows);
  add_limit(app, "--max-ppl", options.max_ppl, "exit code 1 if the perplexity of the forced tokens is above this");
  app.footer(
      "prompt: every token predicted while the prompt is read in chunks. forced: the last --forced tokens, read one "
      "at\n"
      "a time after the end of the prompt, where a cache that selects has acted.\n"
      "Example: proxima eval ppl -m DIR -f book.txt --length 8192 --windows 4 --cache pod --map map.json -o ppl.jsonl");
}

void eval_ppl(const PplOptions& options) {
  const Session session(options.common);
  const ScoredWindows windows = read_windows(session, options.windows);
  ordered_json settings = {{"command", "ppl"}};
  settings.update(run_settings(session, options.cache_flags()));
  add_window_settings(settings, windows);
  ResultLog log(options.results);
  log.use(settings);

  UnitProgress progress("windows", windows.ids.size(), options.common.quiet, options.results);
  std::vector<ordered_json> results;
  std::vector<ordered_json> costs;
  for (size_t window = 0; window < windows.ids.size(); ++window) {
    const std::string key = fmt::format("window {}", window);
    progress.run(log.find(key) != nullptr, [&] { log.add(key, score_window(session, windows, window)); });
    results.push_back(ordered_json::parse(*log.find(key)));
    costs.push_back(results.back()["cost"]);
  }
  ordered_json summary = summary_of(results);
  summary["cost"] = average_cost(costs);
  summary["settings"] = settings;
  if (options.json) {
    write_json(summary);
  } else {
    std::string text = fmt::format("{:<8}{:>9}{:>22}{:>24}\n", "part", "tokens", "nll (nats)", "perplexity");
    for (const char* name : kParts) {
      const ordered_json& part = summary[name];
      const auto number = [&](const char* key) { return part.at(key).get<double>(); };
      text += fmt::format("{:<8}{:>9}{:>12.5f} +- {:<7.5f}{:>13.4f} +- {:<7.4f}\n", name, part.at("n").get<size_t>(),
                          number("nll"), number("nll_error"), number("ppl"), number("ppl_error"));
    }
    write_output(text + fmt::format("{} windows of {} tokens; {}\n", windows.ids.size(), windows.length,
                                    describe_cost(summary["cost"])));
  }
  const double ppl = summary["forced"]["ppl"];
  if (options.max_ppl && ppl > *options.max_ppl) {
    fail(ErrorKind::kLimit, "the perplexity of the forced tokens is {:.4f}, above --max-ppl {}", ppl, *options.max_ppl);
  }
}

}  // namespace proxima
