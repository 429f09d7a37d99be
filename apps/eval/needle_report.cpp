// SPDX-License-Identifier: MIT
#include "apps/eval/needle_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/plot_heatmap.h"
#include "apps/text_output.h"

namespace proxima {
namespace {

constexpr size_t kMostNumbers = 20;  // columns; more are drawn as one letter each
constexpr double kCellPixels = 26;
constexpr double kTitleLetter = 7.2;  // width of a letter of a panel's title
constexpr std::string_view kShades = " .:-=+*#%@";

std::string length_text(size_t length) {
  return length % 1024 == 0 ? fmt::format("{}K", length / 1024) : std::to_string(length);
}

// How many lengths are within the trained one.
size_t n_trained(const NeedleOptions& options, size_t trained_length) {
  return static_cast<size_t>(std::ranges::upper_bound(options.lengths, trained_length) - options.lengths.begin());
}

std::string cell_text(double value, bool as_number) {
  if (std::isnan(value)) return as_number ? "    -" : "?";
  if (as_number) return fmt::format("{:5.0f}", 100 * value);
  const double shade = std::clamp(value, 0.0, 1.0) * static_cast<double>(kShades.size() - 1);
  return std::string(1, kShades[static_cast<size_t>(std::lround(shade))]);
}

}  // namespace

double mean_of(const std::vector<std::vector<double>>& grid) {
  double sum = 0;
  double n = 0;
  for (const auto& row : grid) {
    for (const double value : row) {
      if (std::isnan(value)) continue;
      sum += value;
      ++n;
    }
  }
  return sum / n;
}

NeedleCounts count_found(const NeedlePanel& panel, const NeedlePanel& other) {
  NeedleCounts counts;
  counts.n = panel.found.size();
  for (size_t trial = 0; trial < counts.n; ++trial) {
    const bool found = panel.found[trial];
    const bool other_found = other.found.at(trial);
    counts.n_found += found ? 1U : 0U;
    counts.n_lost += !found && other_found ? 1U : 0U;
    counts.n_gained += found && !other_found ? 1U : 0U;
  }
  counts.share = share_interval(counts.n_found, counts.n);
  counts.difference = paired_difference_interval(counts.n_gained, counts.n_lost, counts.n);
  return counts;
}

std::string counts_text(const NeedlePanel& panel, const NeedlePanel& other) {
  const NeedleCounts counts = count_found(panel, other);
  std::string text = fmt::format("{} of {} facts: {:.1f} % [{:.1f}, {:.1f}]", counts.n_found, counts.n,
                                 100 * static_cast<double>(counts.n_found) / static_cast<double>(counts.n),
                                 100 * counts.share.low, 100 * counts.share.high);
  if (&panel != &other) {
    text += fmt::format("; against {}: {} lost, {} gained, {:+.1f} points [{:+.1f}, {:+.1f}]", other.name,
                        counts.n_lost, counts.n_gained,
                        100 * (static_cast<double>(counts.n_gained) - static_cast<double>(counts.n_lost)) /
                            static_cast<double>(counts.n),
                        100 * counts.difference.low, 100 * counts.difference.high);
  }
  return text + "\n";
}

std::string needle_csv(const NeedleOptions& options, const std::vector<NeedlePanel>& panels) {
  std::string text = "cache,length,depth,score,overlap,kv_share\n";
  for (const NeedlePanel& panel : panels) {
    for (size_t column = 0; column < options.lengths.size(); ++column) {
      for (size_t row = 0; row < options.depths.size(); ++row) {
        text += fmt::format("{},{},{:g},{:.6g},{:.6g},{:.6g}\n", csv_text(panel.name), options.lengths[column],
                            options.depths[row], panel.score[row][column], panel.overlap[row][column],
                            panel.kv_share[row][column]);
      }
    }
  }
  return text;
}

std::string needle_svg(const NeedleOptions& options, const std::vector<NeedlePanel>& panels, size_t trained_length) {
  HeatmapPlot plot;
  plot.title = "Needle in a haystack";
  plot.subtitle = fmt::format("share of facts found; {} question{} a cell; selected with the {}", options.n_repeats,
                              options.n_repeats == 1 ? "" : "s", select_with_name(options.select_with));
  plot.x_label = "length (tokens)";
  plot.y_label = "depth (%)";
  plot.scale_label = "found";
  for (const size_t length : options.lengths) plot.columns.push_back(length_text(length));
  size_t longest_title = 0;
  for (const double depth : options.depths) plot.rows.push_back(fmt::format("{:g}", depth));
  for (const NeedlePanel& panel : panels) {
    plot.panels.push_back({fmt::format("{}: {:.1f} %, KV {:.0f} %", panel.name, 100 * mean_of(panel.score),
                                       100 * mean_of(panel.kv_share)),
                           panel.score});
    longest_title = std::max(longest_title, plot.panels.back().title.size());
  }
  const auto n_columns = static_cast<double>(options.lengths.size());
  plot.cell_width = std::max(kCellPixels, kTitleLetter * static_cast<double>(longest_title) / n_columns);
  plot.cell_height = kCellPixels;
  const size_t border = n_trained(options, trained_length);
  if (border < options.lengths.size()) {
    plot.marked = static_cast<double>(border);
    plot.subtitle += fmt::format("; dashed: trained length {}", trained_length);
  }
  return heatmap_svg(plot);
}

std::string needle_text(const NeedleOptions& options, const NeedlePanel& panel, size_t trained_length) {
  const size_t border = n_trained(options, trained_length);
  const bool as_numbers = options.lengths.size() <= kMostNumbers;
  std::string text = fmt::format("{}: {:.1f} % of facts found, KV {:.1f} % of dense\n depth", panel.name,
                                 100 * mean_of(panel.score), 100 * mean_of(panel.kv_share));
  const auto bar = [&](size_t column) { return column == border ? " |" : ""; };
  for (size_t column = 0; as_numbers && column < options.lengths.size(); ++column) {
    text += bar(column) + fmt::format("{:>5}", length_text(options.lengths[column]));
  }
  if (!as_numbers) {
    text += fmt::format("  {} to {} tokens, from \"{}\" (none) to \"{}\" (all)", length_text(options.lengths.front()),
                        length_text(options.lengths.back()), kShades.front(), kShades.back());
  }
  text += '\n';
  for (size_t row = 0; row < options.depths.size(); ++row) {
    text += fmt::format("{:>6g}", options.depths[row]) + (as_numbers ? "" : " ");
    for (size_t column = 0; column < options.lengths.size(); ++column) {
      text += bar(column) + cell_text(panel.score[row][column], as_numbers);
    }
    text += '\n';
  }
  return text;
}

}  // namespace proxima
