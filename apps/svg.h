// SPDX-License-Identifier: MIT
// Plain SVG for the program's pictures: shapes and text, no scripts, no fonts of its own. Text, axes and paper follow
// the reader's light or dark scheme; colours that carry meaning stay and are chosen to be told apart by colour-blind
// people.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace proxima {

// Okabe and Ito's palette without black and yellow, which one of the two schemes would swallow.
constexpr std::array<std::string_view, 6> kSeriesColours = {"#0072B2", "#D55E00", "#009E73",
                                                            "#CC79A7", "#E69F00", "#56B4E9"};

// A value in [0, 1] from dark blue to light yellow: lightness alone tells the order. NaN is none.
std::string ramp_colour(double value);
// Whether text on that colour should be dark.
bool is_light(double value);

struct Point2 {
  double x = 0;
  double y = 0;
};

enum class Anchor { kStart, kMiddle, kEnd };

class Svg {
 public:
  // All lengths in pixels. The title is read out and shown by browsers, not drawn.
  Svg(double width, double height, std::string_view title);

  void rect(Point2 corner, double width, double height, std::string_view fill);
  // A frame that stands out on any colour: a white line under one of `colour`.
  void frame(Point2 corner, double width, double height, std::string_view colour, double line_width);
  void line(Point2 from, Point2 to, std::string_view css_class);  // "axis" or "grid"
  void dashed_line(Point2 from, Point2 to, std::string_view colour);
  void polyline(std::span<const Point2> points, std::string_view colour, std::string_view dashes);
  // Markers differ in shape: 0 circle, 1 square, 2 triangle, 3 diamond, then again.
  void marker(Point2 centre, size_t shape, std::string_view colour, double radius);
  void text(Point2 at, std::string_view content, double size, Anchor anchor = Anchor::kStart, double degrees = 0);
  // Text whose colour does not follow the scheme.
  void text_on(Point2 at, std::string_view content, double size, std::string_view colour);

  std::string finish();

 private:
  std::string text_;
};

// About 5 round numbers that span [low, high].
std::vector<double> round_ticks(double low, double high);
// Short decimal text: "0.25", "1e-05".
std::string tick_text(double value);

}  // namespace proxima
