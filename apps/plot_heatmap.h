// SPDX-License-Identifier: MIT
// Heatmaps side by side on one scale, with a colour bar, as a plain SVG picture.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace proxima {

// Cells [first_row, end_row) x [first_column, end_column).
struct HeatmapFrame {
  size_t first_row = 0;
  size_t end_row = 0;
  size_t first_column = 0;
  size_t end_column = 0;
};

struct HeatmapPanel {
  std::string title;
  std::vector<std::vector<double>> values;  // [rows][columns], the first row on top; NaN: nothing there
  std::vector<HeatmapFrame> frames = {};
};

struct HeatmapPlot {
  std::string title;
  std::string subtitle;
  std::string x_label;
  std::string y_label;
  std::string scale_label;
  std::vector<std::string> columns;  // labels, alike in all panels; where there is no room, some are left out
  std::vector<std::string> rows;
  std::vector<HeatmapPanel> panels;
  double low = 0;         // the scale: dark blue
  double high = 1;        // light yellow
  double cell_width = 0;  // pixels; 0: chosen so that a panel is about as wide as it is readable
  double cell_height = 0;
  size_t panels_across = 0;           // 0: as many as fit
  std::optional<double> marked = {};  // a dashed line at this column border, 0 = left of the first column
  std::string marked_label = {};
  bool show_values = false;  // two digits in each cell
};

std::string heatmap_svg(const HeatmapPlot& plot);

}  // namespace proxima
