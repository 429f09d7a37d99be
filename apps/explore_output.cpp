// SPDX-License-Identifier: MIT
#include "apps/explore_output.h"

#include <fmt/ranges.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "apps/plot_curve.h"
#include "apps/plot_heatmap.h"
#include "core/error.h"
#include "core/output_file.h"

namespace proxima {
namespace {

using nlohmann::ordered_json;

const char* cost_name(ExploreMethod method) {
  switch (method) {
    case ExploreMethod::kJs:
      return "dissimilarity";
    case ExploreMethod::kLocal:
      return "local_error";
    case ExploreMethod::kKld:
      return "damage";
  }
  return "";
}

bool any_measured(const Exploration& found) {
  return std::ranges::any_of(found.points, [](const CurvePoint& point) { return point.measured.has_value(); });
}

const char* compare_name(CompareWith compare) {
  switch (compare) {
    case CompareWith::kLowest:
      return "lowest";
    case CompareWith::kPrevious:
      return "previous";
    case CompareWith::kAll:
      return "all";
  }
  return "";
}

// js says with which map delta the point was made; the others which cell joined last.
ordered_json provenance(const Exploration& found) {
  const ExploreOptions& options = *found.options;
  const CurvePoint& point = found.points[found.choice.index];
  ordered_json result = {{"by", explore_method_name(options.method)},
                         {"program", "proxima " PROXIMA_VERSION},
                         {"model", found.model},
                         {"precision", found.precision},
                         {"texts", options.texts},
                         {"tokens_digest", found.tokens},
                         {"length", found.length},
                         {"samples", found.n_samples},
                         {"queries", options.n_queries},
                         {"s", point.map.borrowed_share()},
                         {"saving", point.saving},
                         {"saving_length", found.saving_length},
                         {"kv_bytes", point.kv_bytes},
                         {cost_name(options.method), point.cost},
                         {"stopped_by", found.interrupted ? "interrupt" : found.choice.stopped_by}};
  if (options.method == ExploreMethod::kJs) {
    result["delta"] = options.delta ? *options.delta : point.delta.value_or(1);
    result["base"] = 2;
    result["similarity"] = options.root.value_or(false) ? "1-sqrt" : "1-jsd";
    result["scope"] = options.distant_only.value_or(false) ? "distant" : "full";
    result["compare_with"] = compare_name(options.compare.value_or(CompareWith::kLowest));
  }
  if (!options.task.empty()) result["task"] = options.task, result["task_answers"] = found.n_tasks;
  if (point.measured) result["kl"] = point.measured->kl;
  if (point.measured && found.n_tasks > 0) result["task_loss"] = point.measured->task_loss;
  return result;
}

std::string map_text(const Exploration& found) {
  const SharingMap& map = found.points[found.choice.index].map;
  const ordered_json file = {{"format", "proxima.sharing-map/1"},
                             {"fingerprint", found.fingerprint},
                             {"layers", map.n_layers},
                             {"heads", found.n_heads},
                             {"kv_heads", map.n_kv_heads},
                             {"ns", map.ns},
                             {"nr", map.nr},
                             {"block_starts", map.block_starts},
                             {"provenance", provenance(found)}};
  return file.dump(1) + "\n";
}

std::string method_title(ExploreMethod method) {
  switch (method) {
    case ExploreMethod::kJs:
      return "similar attention (js)";
    case ExploreMethod::kLocal:
      return "error of attention outputs (local)";
    case ExploreMethod::kKld:
      return "measured damage (kld)";
  }
  return "";
}

}  // namespace

ExploreFiles explore_files(const std::string& output) {
  const std::filesystem::path map = output;
  if (std::filesystem::exists(map) && !std::filesystem::is_regular_file(map)) {
    fail(ErrorKind::kUsage, "-o {}: is no regular file; explore writes several files beside each other", output);
  }
  OutputFile writable(map);  // tries it now rather than after hours; nothing is left behind
  const auto beside = [&](const char* extension) {
    std::filesystem::path path = map;
    return path.replace_extension(extension);
  };
  return {map, beside("curve.csv"), beside("curve.svg"), beside("similarity.svg"), output + ".progress.json"};
}

std::string curve_table(const Exploration& found) {
  const bool js = found.options->method == ExploreMethod::kJs, measured = any_measured(found);
  std::string text = fmt::format("step,{},s,kv_bytes,saving,{}{},chosen\n", js ? "delta" : "layer,kv_head,donor",
                                 cost_name(found.options->method), measured ? ",kl,task_loss" : "");
  for (size_t index = 0; index < found.points.size(); ++index) {
    const CurvePoint& point = found.points[index];
    text += fmt::format("{},", index);
    if (js) {
      text += point.delta ? fmt::format("{}", *point.delta) : "";
    } else if (point.cell) {
      text += fmt::format("{},{},{}", point.cell->layer, point.cell->kv_head, point.cell->donor);
    } else {
      text += ",,";
    }
    text += fmt::format(",{:.6g},{},{:.6g},{}", point.map.borrowed_share(), point.kv_bytes, point.saving, point.cost);
    if (measured && point.measured) {
      text += fmt::format(",{},", point.measured->kl);
      if (found.n_tasks > 0) text += fmt::format("{}", point.measured->task_loss);
    } else if (measured) {
      text += ",,";
    }
    text += index == found.choice.index ? ",yes\n" : ",\n";
  }
  return text;
}

std::string curve_picture(const Exploration& found) {
  CurvePlot plot;
  plot.title = "Saving against damage: " + method_title(found.options->method);
  plot.subtitle = fmt::format("{} samples of {} tokens, last {} queries; KV bytes at {} tokens", found.n_samples,
                              found.length, found.options->n_queries, found.saving_length);
  plot.x_label = "saved KV bytes, % of the dense cache";
  Series cost{cost_name(found.options->method), {}, found.choice.index};
  const bool tasks = found.n_tasks > 0;
  Series kl{tasks ? "measured: KL + task loss" : "measured: KL", {}, {}};
  for (const CurvePoint& point : found.points) {
    cost.points.push_back({100 * point.saving, point.cost});
    if (point.measured) kl.points.push_back({100 * point.saving, point.measured->total()});
  }
  switch (found.options->method) {
    case ExploreMethod::kJs:
      plot.y_label = "mean dissimilarity of all cells";
      break;
    case ExploreMethod::kLocal:
      plot.y_label = "relative squared error, mean over layers";
      break;
    case ExploreMethod::kKld:
      plot.y_label = tasks ? "KL + task loss, nats a token" : "KL(dense || shared), nats a token";
  }
  plot.log_y = found.options->method != ExploreMethod::kJs;
  plot.series.push_back(cost);
  if (found.options->method != ExploreMethod::kKld && any_measured(found)) {
    plot.log_y = true;
    plot.y_label = std::string(cost_name(found.options->method)) + "; measured: nats a token";
    plot.series.push_back(kl);
  }
  return curve_svg(plot);
}

std::string similarity_picture(const Exploration& found) {
  const CurvePoint& point = found.points[found.choice.index];
  HeatmapPlot plot;
  plot.title = "How similarly two layers attend, by KV head";
  plot.subtitle =
      fmt::format("{}, {} rows; frames: blocks of layers that share keys (s = {:.2f})",
                  found.options->root.value_or(false) ? "1 - sqrt(JSD)" : "1 - JSD",
                  found.options->distant_only.value_or(false) ? "distant" : "full", point.map.borrowed_share());
  plot.x_label = plot.y_label = "layer";
  plot.scale_label = "similarity";
  const PairTable& table = *found.similarity;
  for (size_t layer = 0; layer < table.n_layers; ++layer) plot.columns.push_back(std::to_string(layer));
  plot.rows = plot.columns;
  for (size_t head = 0; head < table.n_kv_heads; ++head) {
    HeatmapPanel& panel = plot.panels.emplace_back();
    panel.title = fmt::format("KV head {}", head);
    panel.values.assign(table.n_layers, std::vector<double>(table.n_layers, 1));
    for (size_t a = 0; a < table.n_layers; ++a) {
      for (size_t b = a + 1; b < table.n_layers; ++b) {
        panel.values[a][b] = panel.values[b][a] = table.mean(head, a, b);
      }
    }
    const auto& starts = point.map.block_starts[head];
    for (size_t block = 0; block < starts.size(); ++block) {
      const size_t end = block + 1 < starts.size() ? starts[block + 1] : table.n_layers;
      if (end - starts[block] > 1) panel.frames.push_back({starts[block], end, starts[block], end});
    }
  }
  return heatmap_svg(plot);
}

void write_exploration(const Exploration& found, const ExploreFiles& files) {
  write_text_file(files.map, map_text(found));
  write_text_file(files.table, curve_table(found));
  write_text_file(files.curve, curve_picture(found));
  if (found.similarity != nullptr) write_text_file(files.heatmap, similarity_picture(found));
}

}  // namespace proxima
