// SPDX-License-Identifier: MIT
// `proxima eval tasks`: LongBench, LEval and InfiniteBench from the user's files.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/eval/benchmark.h"
#include "apps/eval/eval_options.h"

namespace proxima {

struct TasksOptions : EvalOptions {
  std::optional<size_t> benchmark;  // index into kBenchmarks
  std::vector<std::string> data;
  std::string templates;
  std::optional<size_t> max_prompt;
  std::optional<size_t> n_items;
  bool raw = false;
  SelectWith select_with = SelectWith::kQuestion;
  std::optional<double> min_score;
};

void declare_tasks(CLI::App& app, TasksOptions& options);
void eval_tasks(const TasksOptions& options);

}  // namespace proxima
