// SPDX-License-Identifier: MIT
// What `proxima bench` prints and draws.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/bench.h"
#include "apps/bench_case.h"

namespace proxima {

// One case's results; speeds are tokens per second.
struct BenchRow {
  std::string model;
  size_t model_bytes = 0;
  size_t n_parameters = 0;
  Precision precision = Precision::kFast;
  SimdTarget simd = SimdTarget::kScalar;
  int n_threads = 1;
  std::string cache;
  DType key_dtype = DType::kBF16;
  DType value_dtype = DType::kBF16;
  size_t chunk = 0;
  BenchTest test;
  size_t kv_bytes = 0;
  std::vector<double> seconds = {};  // of each run
  double mean_speed = 0;
  double speed_deviation = 0;  // of the sample; 0 for a single run
  double median_speed = 0;
  double bandwidth = 0;  // medians over the runs
  std::optional<double> peak = {};
  std::optional<double> limit = {};  // the speed that this machine allows
  std::optional<double> share = {};  // of it that was reached, run by run
};

BenchRow bench_row(const BenchCase& measured, std::span<const BenchSample> samples);

// CSV, JSON and JSON lines use llama-bench's names where it has the same thing (n_prompt, n_gen, n_depth, avg_ts, ...).
std::string bench_text(std::span<const BenchRow> rows, BenchFormat format);

// Milliseconds a token generated over the depth, or seconds of reading over the prompt's length (over the depth where
// several are measured), a curve for each cache and number of threads, and the limit of the first.
std::string bench_svg(std::span<const BenchRow> rows);

}  // namespace proxima
