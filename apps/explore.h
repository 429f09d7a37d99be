// SPDX-License-Identifier: MIT
// `proxima explore`: finds which layers of a model may share the keys of distant tokens on the user's text, and writes
// the sharing map, the curve of saving against damage, and pictures of both.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/common_options.h"
#include "apps/explore_js.h"
#include "apps/progress.h"

namespace CLI {
class App;
}

namespace proxima {

// kJs: the paper's, by similarity (explore_js.h). kLocal, kKld: ours, by damage (explore_local.h, explore_kld.h).
enum class ExploreMethod { kJs, kLocal, kKld };
std::string_view explore_method_name(ExploreMethod method);

struct ExploreOptions {
  CommonOptions common;
  std::vector<std::string> texts;
  std::string task;
  std::string output;
  ExploreMethod method = ExploreMethod::kJs;
  bool method_given = false;

  std::optional<size_t> length;
  std::optional<size_t> n_samples;
  size_t n_queries = 64;
  size_t ns = 16;
  size_t nr = 4080;

  std::optional<bool> distant_only;  // full where absent
  std::optional<bool> root;          // 1 - JSD where absent
  std::optional<CompareWith> compare;
  std::optional<double> delta;

  std::optional<double> target_saving;  // of KV bytes
  std::optional<size_t> saving_length;  // tokens; the samples' length where absent
  std::optional<double> max_damage;
  bool whole_curve = false;
  std::optional<size_t> n_measured;  // points of the curve whose KL is measured

  bool restart = false;
  ProgressMode progress = ProgressMode::kAuto;
};

void declare_explore(CLI::App& app, ExploreOptions& options);
void explore(const ExploreOptions& options);

// "30%" or "0.3": a share of the KV bytes, at most a half, since values are never shared.
double parse_saving(const std::string& text);

}  // namespace proxima
