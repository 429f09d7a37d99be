// SPDX-License-Identifier: MIT
// `proxima eval needle`: whether planted facts are found again, over lengths and depths, with pictures.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/eval/eval_options.h"
#include "apps/eval/needle_task.h"
#include "apps/eval/result_log.h"
#include "apps/eval/unit_progress.h"

namespace proxima {

// Flags that `table` has too; filled in by finish_needle_options().
struct NeedleFlags {
  std::string lengths;
  std::string depths;
  std::string needle, question, answer;
  std::optional<std::string_view> style;  // one of needle_style_names()
  NeedleOptions options;
};
void declare_needle_flags(CLI::App& app, NeedleFlags& flags);
// Without --style facts are in that of the bundled model's training where it is the one, else of a book. Throws
// Error(kUsage) for flags that contradict each other.
NeedleOptions finish_needle_options(const NeedleFlags& flags, const std::filesystem::path& model_dir);

// What decides the results of a task under the session's cache.
nlohmann::ordered_json needle_settings(const Session& session, const std::string& cache_flags, const NeedleTask& task);
// The results of all documents with the settings in use, those that the log has included.
std::vector<nlohmann::ordered_json> run_documents(const Session& session, NeedleTask& task, ResultLog& log,
                                                  UnitProgress& progress);

struct NeedleCommandOptions : EvalOptions {
  NeedleFlags flags;
  std::vector<std::string> also;  // further caches
  std::string csv;
  std::string svg;
  std::string tasks;
  std::optional<size_t> trained_length;
  std::optional<double> min_score;
};

void declare_needle(CLI::App& app, NeedleCommandOptions& options);
void eval_needle(const NeedleCommandOptions& options);

}  // namespace proxima
