// SPDX-License-Identifier: MIT
#include "apps/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace proxima {
namespace {

struct Rgb {
  double r, g, b;
};
// Lightness rises evenly.
constexpr std::array<Rgb, 5> kRamp = {{{16, 32, 82}, {52, 86, 132}, {112, 138, 140}, {190, 180, 104}, {253, 231, 92}}};

std::string escaped(std::string_view content) {
  std::string text;
  for (const char letter : content) {
    switch (letter) {
      case '&':
        text += "&amp;";
        break;
      case '<':
        text += "&lt;";
        break;
      case '>':
        text += "&gt;";
        break;
      case '"':
        text += "&quot;";
        break;
      default:
        text += letter;
    }
  }
  return text;
}

// Pixels need no more than two decimals.
std::string number(double x) {
  std::string text = fmt::format("{:.2f}", x);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

std::string_view anchor_name(Anchor anchor) {
  switch (anchor) {
    case Anchor::kStart:
      return "start";
    case Anchor::kMiddle:
      return "middle";
    case Anchor::kEnd:
      return "end";
  }
  return "start";
}

}  // namespace

std::string ramp_colour(double value) {
  if (std::isnan(value)) return "none";
  const double place = std::clamp(value, 0.0, 1.0) * (kRamp.size() - 1);
  const size_t low = std::min(static_cast<size_t>(place), kRamp.size() - 2);
  const double part = place - static_cast<double>(low);
  const auto mix = [&](double a, double b) { return std::lround(a + (b - a) * part); };
  const Rgb &a = kRamp[low], &b = kRamp[low + 1];
  return fmt::format("#{:02x}{:02x}{:02x}", mix(a.r, b.r), mix(a.g, b.g), mix(a.b, b.b));
}

bool is_light(double value) {
  return value > 0.55;
}

Svg::Svg(double width, double height, std::string_view title) {
  text_ = fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img">
<title>{2}</title>
<style>
text {{ font-family: sans-serif; fill: #1f2328 }}
.paper {{ fill: #ffffff }}
.axis {{ stroke: #57606a }}
.grid {{ stroke: #d8dee4 }}
@media (prefers-color-scheme: dark) {{
text {{ fill: #e6edf3 }}
.paper {{ fill: #0d1117 }}
.axis {{ stroke: #9198a1 }}
.grid {{ stroke: #30363d }}
}}
</style>
<rect class="paper" width="100%" height="100%"/>
)",
      number(width), number(height), escaped(title));
}

void Svg::rect(Point2 corner, double width, double height, std::string_view fill) {
  text_ += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>\n", number(corner.x),
                       number(corner.y), number(width), number(height), fill);
}

void Svg::frame(Point2 corner, double width, double height, std::string_view colour, double line_width) {
  const auto draw = [&](std::string_view stroke, double stroke_width) {
    text_ += fmt::format(
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"/>\n",
        number(corner.x), number(corner.y), number(width), number(height), stroke, number(stroke_width));
  };
  draw("#ffffff", 2 * line_width);
  draw(colour, line_width);
}

void Svg::line(Point2 from, Point2 to, std::string_view css_class) {
  text_ += fmt::format("<line class=\"{}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>\n", css_class, number(from.x),
                       number(from.y), number(to.x), number(to.y));
}

void Svg::dashed_line(Point2 from, Point2 to, std::string_view colour) {
  text_ += fmt::format(
      "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"{}\" stroke-width=\"1.5\" stroke-dasharray=\"5 3\"/>\n",
      number(from.x), number(from.y), number(to.x), number(to.y), colour);
}

void Svg::polyline(std::span<const Point2> points, std::string_view colour, std::string_view dashes) {
  text_ += "<polyline points=\"";
  for (const Point2& point : points) text_ += number(point.x) + "," + number(point.y) + " ";
  text_ += fmt::format("\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\" stroke-linejoin=\"round\"", colour);
  if (!dashes.empty()) text_ += fmt::format(" stroke-dasharray=\"{}\"", dashes);
  text_ += "/>\n";
}

void Svg::marker(Point2 centre, size_t shape, std::string_view colour, double radius) {
  const auto at = [&](double dx, double dy) {
    return number(centre.x + dx * radius) + "," + number(centre.y + dy * radius);
  };
  const auto polygon = [&](const std::string& points) {
    text_ += fmt::format("<polygon points=\"{}\" fill=\"{}\"/>\n", points, colour);
  };
  switch (shape % 4) {
    case 0:
      text_ += fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{}\"/>\n", number(centre.x), number(centre.y),
                           number(radius), colour);
      break;
    case 1:
      polygon(at(-0.9, -0.9) + " " + at(0.9, -0.9) + " " + at(0.9, 0.9) + " " + at(-0.9, 0.9));
      break;
    case 2:
      polygon(at(0, -1.2) + " " + at(1.1, 0.8) + " " + at(-1.1, 0.8));
      break;
    default:
      polygon(at(0, -1.3) + " " + at(1.3, 0) + " " + at(0, 1.3) + " " + at(-1.3, 0));
  }
}

void Svg::text(Point2 at, std::string_view content, double size, Anchor anchor, double degrees) {
  const std::string turn =
      degrees == 0 ? "" : fmt::format(" transform=\"rotate({} {} {})\"", number(degrees), number(at.x), number(at.y));
  text_ += fmt::format("<text x=\"{}\" y=\"{}\" font-size=\"{}\" text-anchor=\"{}\"{}>{}</text>\n", number(at.x),
                       number(at.y), number(size), anchor_name(anchor), turn, escaped(content));
}

void Svg::text_on(Point2 at, std::string_view content, double size, std::string_view colour) {
  text_ += fmt::format("<text x=\"{}\" y=\"{}\" font-size=\"{}\" text-anchor=\"middle\" style=\"fill:{}\">{}</text>\n",
                       number(at.x), number(at.y), number(size), colour, escaped(content));
}

std::string Svg::finish() {
  return text_ + "</svg>\n";
}

std::vector<double> round_ticks(double low, double high) {
  const double rough = (high - low) / 5;
  if (!(rough > 0)) return {low};
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * 0.999) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> ticks;
  const double first = std::ceil(low / step - 1e-9);
  for (double k = first; k * step <= high + 1e-9 * step; ++k) ticks.push_back(k * step);
  return ticks;
}

std::string tick_text(double value) {
  return fmt::format("{:.6g}", std::abs(value) < 1e-12 ? 0 : value);
}

}  // namespace proxima
