// SPDX-License-Identifier: MIT
// Curves of one quantity against another as a plain SVG picture.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/svg.h"

namespace proxima {

struct Series {
  std::string name;
  std::vector<Point2> points;         // joined in this order
  std::optional<size_t> chosen = {};  // drawn large
};

struct CurvePlot {
  std::string title;
  std::string subtitle;
  std::string x_label;
  std::string y_label;
  bool log_y = false;  // points of y <= 0 stand on the bottom line, which is labelled "0"
  std::vector<Series> series;
};

std::string curve_svg(const CurvePlot& plot);

}  // namespace proxima
