// SPDX-License-Identifier: MIT
// `proxima bench`: how fast prompts are read and tokens generated, at depths, beside what this machine allows.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/common_options.h"

namespace CLI {
class App;
}

namespace proxima {

enum class BenchFormat { kMarkdown, kCsv, kJson, kJsonLines };

struct BenchOptions {
  CommonOptions common;
  std::vector<size_t> n_prompts = {512};
  std::vector<size_t> n_generates = {128};
  std::vector<size_t> depths = {0};
  std::vector<size_t> threads;      // empty: as other commands choose
  std::vector<std::string> caches;  // empty: dense
  size_t n_runs = 5;
  BenchFormat format = BenchFormat::kMarkdown;
  std::string plot;
};

void declare_bench(CLI::App& app, BenchOptions& options);

// Every case once per round, so that what else the machine does falls on all alike; one round before is not counted.
// Prints the table when all are measured.
void bench(const BenchOptions& options);

}  // namespace proxima
