// SPDX-License-Identifier: MIT
#include "apps/eval/window_divergence.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace proxima {
namespace {

using nlohmann::ordered_json;

// Sorts scored targets into the two parts of a window.
class Parts {
 public:
  Parts(const ScoredWindows& windows, size_t window)
      : ids_(windows.ids[window]), first_forced_(windows.length - windows.n_forced) {}

  void add(size_t target, std::span<const double> base, std::span<const double> got) {
    (target < first_forced_ ? prompt_ : forced_).add(base, got, ids_[target]);
  }
  ordered_json result(const ForcedCost& cost) const {
    return {{"prompt", to_json(prompt_)}, {"forced", to_json(forced_)}, {"cost", cost_json(cost)}};
  }

 private:
  std::span<const TokenId> ids_;
  size_t first_forced_;
  Divergences prompt_;
  Divergences forced_;
};

}  // namespace

DType logits_dtype(const Session& session) {
  return session.request().precision == Precision::kF64 ? DType::kF64 : DType::kF32;
}

BaseRun run_base(const Session& session, const ScoredWindows& windows, size_t window, size_t n_prompt_rows) {
  BaseRun base{LogitRows(logits_dtype(session), session.model().config.vocab), {}};
  base.cost = run_forced(session, fmt::format("window {} (base)", window), windows.sequence(window, n_prompt_rows),
                         [&](size_t /*target*/, std::span<const double> logits) { base.rows.add(logits); });
  return base;
}

ordered_json compare_window(const Session& session, const ScoredWindows& windows, size_t window, size_t n_prompt_rows,
                            LogitRows& base) {
  Parts parts(windows, window);
  size_t row = 0;
  const auto score = [&](size_t target, std::span<const double> logits) { parts.add(target, base.row(row++), logits); };
  const ForcedCost cost =
      run_forced(session, fmt::format("window {}", window), windows.sequence(window, n_prompt_rows), score);
  return parts.result(cost);
}

ordered_json base_window(const ScoredWindows& windows, size_t window, size_t n_prompt_rows, BaseRun& base) {
  Parts parts(windows, window);
  const size_t n_rows = windows.sequence(window, n_prompt_rows).n_scored_prompt + windows.n_forced;
  for (size_t row = 0; row < n_rows; ++row) {
    const auto logits = base.rows.row(row);
    parts.add(windows.length - n_rows + row, logits, logits);
  }
  return parts.result(base.cost);
}

ordered_json summarize_windows(const std::vector<ordered_json>& results) {
  Divergences prompt;
  Divergences forced;
  std::vector<ordered_json> costs;
  for (const ordered_json& result : results) {
    prompt.add(divergences_from_json(result.at("prompt")));
    forced.add(divergences_from_json(result.at("forced")));
    costs.push_back(result.at("cost"));
  }
  return {{"prompt", summary_of(prompt)}, {"forced", summary_of(forced)}, {"cost", average_cost(costs)}};
}

}  // namespace proxima
