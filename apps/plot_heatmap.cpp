// SPDX-License-Identifier: MIT
#include "apps/plot_heatmap.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/svg.h"

namespace proxima {
namespace {

constexpr double kMargin = 16, kHead = 58, kPanelTitle = 22, kColumnLabels = 40, kGap = 18;
constexpr double kBarWidth = 14, kBarRoom = 70;
constexpr double kPanelAim = 230;  // pixels
constexpr double kMostAcross = 1150;
constexpr double kLetter = 6.2;  // width of a digit at the labels' size
constexpr double kLabelSize = 11;
constexpr std::string_view kFrameColour = "#D55E00";

size_t longest(const std::vector<std::string>& labels) {
  size_t most = 0;
  for (const std::string& label : labels) most = std::max(most, label.size());
  return most;
}

class Picture {
 public:
  explicit Picture(const HeatmapPlot& plot) : plot_(plot) {
    const auto n_columns = static_cast<double>(plot.columns.size()), n_rows = static_cast<double>(plot.rows.size());
    const double aim = std::clamp(kPanelAim / std::max(n_columns, n_rows), 7.0, 26.0);
    cell_width_ = plot.cell_width > 0 ? plot.cell_width : aim;
    cell_height_ = plot.cell_height > 0 ? plot.cell_height : aim;
    label_width_ = static_cast<double>(longest(plot.rows)) * kLetter + 10 + (plot.y_label.empty() ? 0 : 16);
    panel_width_ = label_width_ + n_columns * cell_width_;
    panel_height_ = kPanelTitle + n_rows * cell_height_ + kColumnLabels;
    const auto fit = static_cast<size_t>(std::max(1.0, std::floor((kMostAcross + kGap) / (panel_width_ + kGap))));
    across_ = std::min(plot.panels_across > 0 ? plot.panels_across : std::max<size_t>(1, fit), plot.panels.size());
    across_ = std::max<size_t>(1, across_);
    down_ = (plot.panels.size() + across_ - 1) / across_;
  }

  std::string draw() {
    const double inner = static_cast<double>(across_) * (panel_width_ + kGap) - kGap;
    const double title_room = static_cast<double>(std::max(plot_.title.size() * 9, plot_.subtitle.size() * 7));
    const double width = 2 * kMargin + std::max(inner + kGap + kBarRoom, title_room);
    const double height = kHead + static_cast<double>(down_) * panel_height_ + kMargin;
    Svg svg(width, height, plot_.title);
    svg.text({kMargin, 24}, plot_.title, 16);
    svg.text({kMargin, 43}, plot_.subtitle, 12);
    for (size_t index = 0; index < plot_.panels.size(); ++index) {
      const double x = kMargin + static_cast<double>(index % across_) * (panel_width_ + kGap);
      const double y = kHead + static_cast<double>(index / across_) * panel_height_;
      panel(svg, plot_.panels[index], {x, y});
    }
    bar(svg, {kMargin + inner + kGap + 6, kHead + kPanelTitle});
    return svg.finish();
  }

 private:
  void panel(Svg& svg, const HeatmapPanel& panel, Point2 corner) const {
    const Point2 origin{corner.x + label_width_, corner.y + kPanelTitle};
    const double width = static_cast<double>(plot_.columns.size()) * cell_width_;
    const double height = static_cast<double>(plot_.rows.size()) * cell_height_;
    svg.text({origin.x, origin.y - 7}, panel.title, 12.5);
    for (size_t row = 0; row < panel.values.size(); ++row) {
      for (size_t column = 0; column < panel.values[row].size(); ++column) {
        cell(svg, origin, row, column, panel.values[row][column]);
      }
    }
    for (const HeatmapFrame& frame : panel.frames) {
      svg.frame({origin.x + static_cast<double>(frame.first_column) * cell_width_,
                 origin.y + static_cast<double>(frame.first_row) * cell_height_},
                static_cast<double>(frame.end_column - frame.first_column) * cell_width_,
                static_cast<double>(frame.end_row - frame.first_row) * cell_height_, kFrameColour, 1.6);
    }
    if (plot_.marked) {
      const double x = origin.x + *plot_.marked * cell_width_;
      svg.dashed_line({x, origin.y - 3}, {x, origin.y + height}, kFrameColour);
      if (!plot_.marked_label.empty()) svg.text({x + 3, origin.y - 7}, plot_.marked_label, kLabelSize);
    }
    labels(svg, origin, width, height);
  }

  void cell(Svg& svg, Point2 origin, size_t row, size_t column, double value) const {
    if (std::isnan(value)) return;
    const Point2 corner{origin.x + static_cast<double>(column) * cell_width_,
                        origin.y + static_cast<double>(row) * cell_height_};
    const double place = (value - plot_.low) / (plot_.high - plot_.low);
    // A little wider than the cell: no seams where pixels are shared.
    svg.rect(corner, cell_width_ + 0.3, cell_height_ + 0.3, ramp_colour(place));
    if (!plot_.show_values) return;
    svg.text_on({corner.x + cell_width_ / 2, corner.y + cell_height_ / 2 + 3.5}, fmt::format("{:.2g}", value), 10,
                is_light(place) ? "#1f2328" : "#ffffff");
  }

  void labels(Svg& svg, Point2 origin, double width, double height) const {
    const double text_width = static_cast<double>(longest(plot_.columns)) * kLetter + 5;
    const auto every_column = static_cast<size_t>(std::max(1.0, std::ceil(text_width / cell_width_)));
    for (size_t column = 0; column < plot_.columns.size(); column += every_column) {
      const double x = origin.x + (static_cast<double>(column) + 0.5) * cell_width_;
      svg.text({x, origin.y + height + 14}, plot_.columns[column], kLabelSize, Anchor::kMiddle);
    }
    const auto every_row = static_cast<size_t>(std::max(1.0, std::ceil(12 / cell_height_)));
    for (size_t row = 0; row < plot_.rows.size(); row += every_row) {
      const double y = origin.y + (static_cast<double>(row) + 0.5) * cell_height_ + 4;
      svg.text({origin.x - 5, y}, plot_.rows[row], kLabelSize, Anchor::kEnd);
    }
    svg.text({origin.x + width / 2, origin.y + height + 30}, plot_.x_label, 12, Anchor::kMiddle);
    if (plot_.y_label.empty()) return;
    svg.text({origin.x - label_width_ + 11, origin.y + height / 2}, plot_.y_label, 12, Anchor::kMiddle, -90);
  }

  void bar(Svg& svg, Point2 corner) const {
    constexpr int kSteps = 64;
    const double height = std::max(90.0, static_cast<double>(plot_.rows.size()) * cell_height_);
    for (int step = 0; step < kSteps; ++step) {
      const double y = corner.y + height * step / kSteps;
      svg.rect({corner.x, y}, kBarWidth, height / kSteps + 0.3, ramp_colour(1 - (step + 0.5) / kSteps));
    }
    for (const double tick : round_ticks(plot_.low, plot_.high)) {
      const double y = corner.y + height * (1 - (tick - plot_.low) / (plot_.high - plot_.low));
      svg.text({corner.x + kBarWidth + 5, y + 4}, tick_text(tick), kLabelSize);
    }
    svg.text({corner.x, corner.y - 7}, plot_.scale_label, 12);
  }

  const HeatmapPlot& plot_;
  double cell_width_ = 0;
  double cell_height_ = 0;
  double label_width_ = 0;
  double panel_width_ = 0;
  double panel_height_ = 0;
  size_t across_ = 1;
  size_t down_ = 1;
};

}  // namespace

std::string heatmap_svg(const HeatmapPlot& plot) {
  return Picture(plot).draw();
}

}  // namespace proxima
