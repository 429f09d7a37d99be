// SPDX-License-Identifier: MIT
// One window of a text under a base cache and under others: what `kld` and `table` measure.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "apps/eval/base_logits.h"
#include "apps/eval/divergence.h"
#include "apps/eval/scored_windows.h"

namespace proxima {

DType logits_dtype(const Session& session);  // which keeps logits exactly

struct BaseRun {
  LogitRows rows;
  ForcedCost cost;
};
BaseRun run_base(const Session& session, const ScoredWindows& windows, size_t window, size_t n_prompt_rows);

// A result: "prompt" and "forced" as to_json(Divergences), "cost" as cost_json().
nlohmann::ordered_json compare_window(const Session& session, const ScoredWindows& windows, size_t window,
                                      size_t n_prompt_rows, LogitRows& base);
// The same of the base itself, which needs no further run.
nlohmann::ordered_json base_window(const ScoredWindows& windows, size_t window, size_t n_prompt_rows, BaseRun& base);

// The results of all windows together: "prompt" and "forced" as summary_of(Divergences), "cost" averaged.
nlohmann::ordered_json summarize_windows(const std::vector<nlohmann::ordered_json>& results);

}  // namespace proxima
