// SPDX-License-Identifier: MIT
// The windows of an evaluation of texts, checked as a whole before the first one is read for minutes.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "apps/eval/eval_options.h"
#include "apps/eval/forced_run.h"
#include "model/tokenizer.h"

namespace proxima {

struct ScoredWindows {
  std::vector<std::vector<TokenId>> ids;
  size_t length = 0;
  size_t n_forced = 0;

  // n_prompt_rows: of the predictions inside the prompt, the last ones; SIZE_MAX: all.
  ForcedSequence sequence(size_t window, size_t n_prompt_rows) const;
};

// Throws Error(kUsage), Error(kContext) or Error(kMemory) where a window cannot be scored as asked.
ScoredWindows read_windows(const Session& session, const WindowOptions& options);

// "tokens", "windows", "forced" and the digest of all ids.
void add_window_settings(nlohmann::ordered_json& settings, const ScoredWindows& windows);

// The cost of one window for a result, and the reverse.
nlohmann::ordered_json cost_json(const ForcedCost& cost);
// "tokens", "kv_bytes", "kv_dense_bytes", "saved", "kv_bytes_reading", tokens per second: costs of windows, averaged.
nlohmann::ordered_json average_cost(const std::vector<nlohmann::ordered_json>& costs);
// One line for people: "KV 1.2 MiB for 512 tokens (dense ..., saved 33.2 %); prompt 2000 tokens/s, forced ...".
std::string describe_cost(const nlohmann::ordered_json& average);

}  // namespace proxima
