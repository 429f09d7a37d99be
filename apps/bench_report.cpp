// SPDX-License-Identifier: MIT
#include "apps/bench_report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/eval/distribution.h"
#include "apps/plot_curve.h"
#include "apps/text_output.h"

namespace proxima {
namespace {

using nlohmann::ordered_json;

MeanError sums_of(std::span<const double> values) {
  MeanError sums;
  for (const double value : values) sums.add(value);
  return sums;
}

// Of the sample; 0 for a single value.
double deviation(const MeanError& sums) {
  return sums.error() * std::sqrt(static_cast<double>(sums.n()));
}

double median(const std::vector<double>& values) {
  return quantile(values, 0.5);
}

std::vector<double> speeds(const BenchRow& row) {
  const auto n_tokens = static_cast<double>(row.test.n_prompt + row.test.n_generate);
  std::vector<double> values;
  for (const double seconds : row.seconds) values.push_back(n_tokens / seconds);
  return values;
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string markdown(std::span<const BenchRow> rows) {
  std::string text =
      "| model | size | params | precision | threads | cache | KV | test | t/s | this machine | limit t/s | reached |\n"
      "| --- | ---: | ---: | --- | ---: | --- | ---: | --- | ---: | --- | ---: | ---: |\n";
  for (const BenchRow& row : rows) {
    const bool reads = row.test.n_prompt > 0;
    const std::string machine = !reads     ? fmt::format("{:.1f} GB/s", row.bandwidth / 1e9)
                                : row.peak ? fmt::format("{:.0f} GFLOP/s", *row.peak / 1e9)
                                           : "";
    text += fmt::format("| {} | {} | {:.2f} M | {} | {} | {} {}/{} | {} | {} | {:.2f} ± {:.2f} | {} | {} | {} |\n",
                        row.model, format_bytes(row.model_bytes), static_cast<double>(row.n_parameters) / 1e6,
                        precision_name(row.precision), row.n_threads, row.cache, dtype_name(row.key_dtype),
                        dtype_name(row.value_dtype), format_bytes(row.kv_bytes), row.test.name(), row.mean_speed,
                        row.speed_deviation, machine, row.limit ? fmt::format("{:.2f}", *row.limit) : "",
                        row.share ? fmt::format("{:.0f} %", 100 * *row.share) : "");
  }
  return text;
}

ordered_json optional_number(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json();
}

ordered_json as_json(const BenchRow& row) {
  const auto all_speeds = speeds(row);
  const MeanError seconds = sums_of(row.seconds);
  std::vector<int64_t> nanoseconds;
  for (const double each : row.seconds) nanoseconds.push_back(std::llround(1e9 * each));
  return {{"version", PROXIMA_VERSION},
          {"cpu_info", processor_name()},
          {"model_filename", row.model},
          {"model_size", row.model_bytes},
          {"model_n_params", row.n_parameters},
          {"precision", precision_name(row.precision)},
          {"simd", simd_target_name(row.simd)},
          {"n_threads", row.n_threads},
          {"n_ubatch", row.chunk},
          {"cache", row.cache},
          {"type_k", dtype_name(row.key_dtype)},
          {"type_v", dtype_name(row.value_dtype)},
          {"n_prompt", row.test.n_prompt},
          {"n_gen", row.test.n_generate},
          {"n_depth", row.test.depth},
          {"avg_ns", std::llround(1e9 * seconds.mean())},
          {"stddev_ns", std::llround(1e9 * deviation(seconds))},
          {"avg_ts", row.mean_speed},
          {"stddev_ts", row.speed_deviation},
          {"median_ts", row.median_speed},
          {"limit_ts", optional_number(row.limit)},
          {"limit_share", optional_number(row.share)},
          {"bandwidth_bytes", row.bandwidth},
          {"peak_flops", optional_number(row.peak)},
          {"kv_bytes", row.kv_bytes},
          {"samples_ns", nanoseconds},
          {"samples_ts", all_speeds}};
}

std::string csv_field(const ordered_json& value) {
  return csv_text(value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump());
}

std::string csv(std::span<const BenchRow> rows) {
  std::string text;
  for (const BenchRow& row : rows) {
    std::vector<std::string> names, values;
    const ordered_json fields = as_json(row);
    for (const auto& [name, value] : fields.items()) {
      if (value.is_array()) continue;
      names.push_back(name);
      values.push_back(csv_field(value));
    }
    if (text.empty()) text += fmt::format("{}\n", fmt::join(names, ","));
    text += fmt::format("{}\n", fmt::join(values, ","));
  }
  return text;
}

std::string json(std::span<const BenchRow> rows) {
  ordered_json all = ordered_json::array();
  for (const BenchRow& row : rows) all.push_back(as_json(row));
  return all.dump(2) + "\n";
}

std::string json_lines(std::span<const BenchRow> rows) {
  std::string text;
  for (const BenchRow& row : rows) text += as_json(row).dump() + "\n";
  return text;
}

}  // namespace

BenchRow bench_row(const BenchCase& measured, std::span<const BenchSample> samples) {
  const Session& session = measured.session();
  const Model& model = session.model();
  BenchRow row{.model = model.dir.filename().string(),
               .model_bytes = model.checkpoint.n_bytes(),
               .precision = session.request().precision,
               .simd = session.compute().kernels->target,
               .n_threads = session.compute().n_threads,
               .cache = measured.cache_name(),
               .key_dtype = session.request().key_dtype,
               .value_dtype = session.request().value_dtype,
               .chunk = session.options().chunk,
               .test = measured.test(),
               .kv_bytes = measured.kv_bytes()};
  for (const auto& [name, view] : model.checkpoint.tensors()) row.n_parameters += view.n_elements();
  const auto n_tokens = static_cast<double>(row.test.n_prompt + row.test.n_generate);
  std::vector<double> bandwidths, peaks, limits, shares;
  for (const BenchSample& sample : samples) {
    row.seconds.push_back(sample.seconds);
    bandwidths.push_back(sample.bandwidth);
    if (sample.peak) peaks.push_back(*sample.peak);
    if (!sample.least_seconds) continue;
    limits.push_back(n_tokens / *sample.least_seconds);
    shares.push_back(*sample.least_seconds / sample.seconds);
  }
  const auto all_speeds = speeds(row);
  const MeanError sums = sums_of(all_speeds);
  row.mean_speed = sums.mean();
  row.speed_deviation = deviation(sums);
  row.median_speed = median(all_speeds);
  row.bandwidth = median(bandwidths);
  if (!peaks.empty()) row.peak = median(peaks);
  if (!limits.empty()) row.limit = median(limits);
  if (!shares.empty()) row.share = median(shares);
  return row;
}

std::string bench_text(std::span<const BenchRow> rows, BenchFormat format) {
  switch (format) {
    case BenchFormat::kMarkdown:
      return markdown(rows);
    case BenchFormat::kCsv:
      return csv(rows);
    case BenchFormat::kJson:
      return json(rows);
    default:
      return json_lines(rows);
  }
}

std::string bench_svg(std::span<const BenchRow> rows) {
  const bool generates = rows.front().test.n_generate > 0;
  const bool over_depth =
      std::ranges::any_of(rows, [&](const BenchRow& row) { return row.test.depth != rows.front().test.depth; });
  const double unit = generates ? 1e3 : 1;
  CurvePlot plot{.title = fmt::format("{}: {}", rows.front().model,
                                      generates ? "time per generated token" : "time to read a prompt"),
                 .subtitle = fmt::format("{}, {} threads, median of {} runs", precision_name(rows.front().precision),
                                         rows.front().n_threads, rows.front().seconds.size()),
                 .x_label = over_depth ? "tokens in the cache before" : "tokens of the prompt",
                 .y_label = generates ? "milliseconds" : "seconds",
                 .series = {}};
  std::map<std::string, Series> curves;
  const auto add = [&](const std::string& name, const BenchRow& row, double speed) {
    const auto n_timed = static_cast<double>(generates ? 1 : row.test.n_prompt);
    const auto x = static_cast<double>(over_depth ? row.test.depth : row.test.n_prompt);
    Series& series = curves[name];
    series.name = name;
    series.points.push_back({x, unit * n_timed / speed});
  };
  for (const BenchRow& row : rows) {
    if ((row.test.n_generate > 0) != generates) continue;
    add(row.cache, row, row.median_speed);
    if (row.limit) add(row.cache + ", limit of this machine", row, *row.limit);
  }
  for (auto& [name, series] : curves) {
    std::ranges::sort(series.points, {}, &Point2::x);
    plot.series.push_back(series);
  }
  return curve_svg(plot);
}

}  // namespace proxima
