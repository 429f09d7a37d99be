// SPDX-License-Identifier: MIT
// `proxima eval ruler`: RULER's tasks at the lengths asked for.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/eval/asker.h"
#include "apps/eval/eval_options.h"
#include "apps/eval/ruler_samples.h"

namespace proxima {

struct RulerOptions : EvalOptions {
  std::string lengths;
  std::string tasks;  // comma-separated; empty: all whose data is there
  size_t n_samples = 20;
  uint64_t seed = 42;
  std::string haystack;  // folder of essays; empty: synthetic
  std::string squad, hotpot;
  bool raw = false;
  SelectWith select_with = SelectWith::kQuestion;
  std::optional<double> min_score;
};

void declare_ruler(CLI::App& app, RulerOptions& options);
void eval_ruler(const RulerOptions& options);

// The largest size, first + k step up to `most`, that `fits`; nothing if not even the first does. Sizes beyond one that
// does not fit are taken not to fit.
std::optional<size_t> largest_fitting(const RulerScale& scale, const std::function<bool(size_t size)>& fits);

}  // namespace proxima
