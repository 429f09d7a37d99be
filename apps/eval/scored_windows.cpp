// SPDX-License-Identifier: MIT
#include "apps/eval/scored_windows.h"

#include <nlohmann/json.hpp>

#include "apps/eval/settings.h"
#include "apps/text_windows.h"
#include "core/error.h"

namespace proxima {

using nlohmann::ordered_json;

ForcedSequence ScoredWindows::sequence(size_t window, size_t n_prompt_rows) const {
  return {ids[window], n_forced, std::min(n_prompt_rows, length - n_forced - 1)};
}

ScoredWindows read_windows(const Session& session, const WindowOptions& options) {
  const auto documents = read_documents(options.files);
  if (documents.empty()) fail(ErrorKind::kUsage, "which text? Give -f FILE or pipe one in");
  const Tokenizer tokenizer = Tokenizer::open(session.model().dir);
  const size_t limit = session.context_limit(1);
  ScoredWindows windows{cut_windows(documents, tokenizer, {options.length, options.n_windows, limit}), 0,
                        options.n_forced};
  windows.length = windows.ids.front().size();
  if (windows.n_forced >= windows.length) {
    fail(ErrorKind::kUsage,
         "windows of {} tokens leave no prompt before the {} forced ones; lower --forced or give longer texts",
         windows.length, windows.n_forced);
  }
  session.check(documents.front().name, windows.length - windows.n_forced, windows.n_forced);
  return windows;
}

void add_window_settings(ordered_json& settings, const ScoredWindows& windows) {
  std::vector<TokenId> all;
  for (const auto& ids : windows.ids) all.insert(all.end(), ids.begin(), ids.end());
  settings["tokens"] = windows.length;
  settings["windows"] = windows.ids.size();
  settings["forced"] = windows.n_forced;
  settings["ids"] = ids_digest(all);
}

ordered_json cost_json(const ForcedCost& cost) {
  return {{"tokens", cost.n_tokens},
          {"kv_bytes", cost.kv.logical},
          {"kv_dense_bytes", cost.kv_dense},
          {"kv_bytes_reading", cost.reading.logical + cost.reading.slack},
          {"prompt_seconds", cost.prompt_seconds},
          {"forced_seconds", cost.forced_seconds}};
}

ordered_json average_cost(const std::vector<ordered_json>& costs) {
  ordered_json average;
  for (const auto& [key, unused] : costs.front().items()) {
    double sum = 0;
    for (const ordered_json& cost : costs) sum += cost.at(key).get<double>();
    average[key] = sum / static_cast<double>(costs.size());
  }
  average["saved"] = 1 - average.at("kv_bytes").get<double>() / average.at("kv_dense_bytes").get<double>();
  return average;
}

std::string describe_cost(const ordered_json& average) {
  const auto bytes = [&](const char* key) { return format_bytes(static_cast<size_t>(average.at(key).get<double>())); };
  return fmt::format("KV {} for {:.0f} tokens (dense {}, saved {:.1f} %), {} while reading", bytes("kv_bytes"),
                     average.at("tokens").get<double>(), bytes("kv_dense_bytes"),
                     100 * average.at("saved").get<double>(), bytes("kv_bytes_reading"));
}

}  // namespace proxima
