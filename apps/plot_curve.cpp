// SPDX-License-Identifier: MIT
#include "apps/plot_curve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace proxima {
namespace {

constexpr double kWidth = 680, kHeight = 420;
constexpr double kLeft = 78, kRight = 20, kTop = 64, kBottom = 52;
constexpr std::array<std::string_view, 4> kDashes = {"", "7 4", "2 3", "9 3 2 3"};
constexpr double kRow = 18;         // of the legend, below everything: no curve runs through it
constexpr size_t kManyPoints = 60;  // more are drawn without markers

struct Range {
  double low = std::numeric_limits<double>::infinity();
  double high = -std::numeric_limits<double>::infinity();
  void add(double x) { low = std::min(low, x), high = std::max(high, x); }
};

double height_with_legend(const CurvePlot& plot) {
  const auto n_chosen =
      std::ranges::count_if(plot.series, [](const Series& series) { return series.chosen.has_value(); });
  return kHeight + kRow * static_cast<double>(plot.series.size() + static_cast<size_t>(n_chosen)) + 8;
}

class Picture {
 public:
  explicit Picture(const CurvePlot& plot) : plot_(plot), svg_(kWidth, height_with_legend(plot), plot.title) {
    for (const Series& series : plot.series) {
      for (const Point2& point : series.points) {
        if (!std::isfinite(point.y)) continue;
        x_.add(point.x);
        if (!plot.log_y || point.y > 0) y_.add(plot.log_y ? std::log10(point.y) : point.y);
      }
    }
    if (!(x_.low < x_.high)) x_ = {x_.low - 1, x_.low + 1};
    if (!std::isfinite(x_.low)) x_ = {0, 1};
    if (!std::isfinite(y_.low)) y_ = {plot.log_y ? -1.0 : 0.0, plot.log_y ? 0.0 : 1.0};
    if (plot.log_y) {
      y_ = {std::floor(y_.low - 1e-9) - 0.5, std::ceil(y_.high + 1e-9)};  // half a decade for zero
    } else {
      y_.low = std::min(y_.low, 0.0);
      if (!(y_.low < y_.high)) y_.high = y_.low + 1;
    }
  }

  std::string draw() {
    svg_.text({kLeft, 24}, plot_.title, 16);
    svg_.text({kLeft, 44}, plot_.subtitle, 12);
    axes();
    for (size_t index = 0; index < plot_.series.size(); ++index) curve(index);
    legend();
    return svg_.finish();
  }

 private:
  Point2 place(const Point2& point) const {
    const double y = !plot_.log_y ? point.y : point.y > 0 ? std::log10(point.y) : y_.low;
    return {kLeft + (point.x - x_.low) / (x_.high - x_.low) * (kWidth - kLeft - kRight),
            kHeight - kBottom - (y - y_.low) / (y_.high - y_.low) * (kHeight - kTop - kBottom)};
  }

  void y_tick(double y, const std::string& label) {
    svg_.line({kLeft, y}, {kWidth - kRight, y}, "grid");
    svg_.text({kLeft - 8, y + 4}, label, 12, Anchor::kEnd);
  }

  void axes() {
    for (const double tick : round_ticks(x_.low, x_.high)) {
      const double x = place({tick, 0}).x;
      svg_.line({x, kTop}, {x, kHeight - kBottom}, "grid");
      svg_.text({x, kHeight - kBottom + 18}, tick_text(tick), 12, Anchor::kMiddle);
    }
    if (plot_.log_y) {
      const double step = std::max(1.0, std::ceil((y_.high - y_.low) / 8));
      for (double power = std::ceil(y_.low); power <= y_.high + 1e-9; power += step) {
        y_tick(place({0, std::pow(10, power)}).y, fmt::format("{:.3g}", std::pow(10, power)));
      }
      y_tick(place({0, 0}).y, "0");
    } else {
      for (const double tick : round_ticks(y_.low, y_.high)) y_tick(place({0, tick}).y, tick_text(tick));
    }
    svg_.line({kLeft, kTop}, {kLeft, kHeight - kBottom}, "axis");
    svg_.line({kLeft, kHeight - kBottom}, {kWidth - kRight, kHeight - kBottom}, "axis");
    svg_.text({(kLeft + kWidth - kRight) / 2, kHeight - 12}, plot_.x_label, 13, Anchor::kMiddle);
    svg_.text({18, (kTop + kHeight - kBottom) / 2}, plot_.y_label, 13, Anchor::kMiddle, -90);
  }

  void curve(size_t index) {
    const Series& series = plot_.series[index];
    const std::string_view colour = kSeriesColours[index % kSeriesColours.size()];
    std::vector<Point2> points;
    for (const Point2& point : series.points) {
      if (std::isfinite(point.y)) points.push_back(place(point));
    }
    svg_.polyline(points, colour, kDashes[index % kDashes.size()]);
    for (const Point2& point : points) {
      if (points.size() <= kManyPoints) svg_.marker(point, index, colour, 3.2);
    }
    if (series.chosen) svg_.marker(place(series.points[*series.chosen]), index, colour, 7);
  }

  void legend() {
    double y = kHeight + 12;
    for (size_t index = 0; index < plot_.series.size(); ++index) {
      const Series& series = plot_.series[index];
      const std::string_view colour = kSeriesColours[index % kSeriesColours.size()];
      const Point2 line[] = {{kLeft + 14, y - 4}, {kLeft + 44, y - 4}};
      svg_.polyline(line, colour, kDashes[index % kDashes.size()]);
      svg_.marker({kLeft + 29, y - 4}, index, colour, 3.6);
      svg_.text({kLeft + 52, y}, series.name, 12);
      y += kRow;
      if (!series.chosen) continue;
      svg_.marker({kLeft + 29, y - 4}, index, colour, 7);
      svg_.text({kLeft + 52, y}, "the map that was written", 12);
      y += kRow;
    }
  }

  const CurvePlot& plot_;
  Svg svg_;
  Range x_;
  Range y_;
};

}  // namespace

std::string curve_svg(const CurvePlot& plot) {
  return Picture(plot).draw();
}

}  // namespace proxima
