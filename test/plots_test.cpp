// SPDX-License-Identifier: MIT
// Pictures are well-formed SVG that says what it should; how they look is for eyes.
#include <gtest/gtest.h>

#include <cmath>
#include <regex>

#include "apps/plot_curve.h"
#include "apps/plot_heatmap.h"

namespace proxima {
namespace {

size_t count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

// Tags close in order, attributes are quoted, no number is a NaN, no bare & or <.
void expect_well_formed(const std::string& svg) {
  std::vector<std::string> open;
  const std::regex tag(R"(<(/?)([a-zA-Z]+)((?:\s+[a-zA-Z0-9:-]+="[^"<]*")*)\s*(/?)>)");
  size_t end = 0;
  for (std::sregex_iterator it(svg.begin(), svg.end(), tag), last; it != last; ++it) {
    const std::string between = svg.substr(end, static_cast<size_t>(it->position()) - end);
    ASSERT_EQ(between.find('<'), std::string::npos) << between;
    ASSERT_FALSE(std::regex_search(between, std::regex("&(?!amp;|lt;|gt;|quot;)"))) << between;
    end = static_cast<size_t>(it->position() + it->length());
    if ((*it)[1] == "/") {
      ASSERT_FALSE(open.empty());
      ASSERT_EQ(open.back(), (*it)[2].str());
      open.pop_back();
    } else if ((*it)[4] != "/") {
      open.push_back((*it)[2]);
    }
    ASSERT_EQ((*it)[3].str().find("nan"), std::string::npos) << it->str();
    ASSERT_EQ((*it)[3].str().find("inf"), std::string::npos) << it->str();
  }
  EXPECT_TRUE(open.empty());
  EXPECT_EQ(svg.substr(end), "\n");
  EXPECT_NE(svg.find("prefers-color-scheme: dark"), std::string::npos);
}

TEST(PlotsTest, Curves) {
  CurvePlot plot{
      .title = "a < b & \"c\"", .subtitle = "s", .x_label = "x", .y_label = "y", .log_y = true, .series = {}};
  expect_well_formed(curve_svg(plot));
  plot.series = {{"one", {{0, 0}, {1, 1e-5}, {2, 3}, {3, NAN}}, 2}, {"two", {{0, -1}, {2.5, 0.1}}, {}}};
  for (const bool log_y : {true, false}) {
    plot.log_y = log_y;
    const std::string svg = curve_svg(plot);
    expect_well_formed(svg);
    EXPECT_EQ(count(svg, "<polyline"), 4U) << "two curves and their places in the legend";
    EXPECT_EQ(count(svg, "a &lt; b &amp; &quot;c&quot;"), 2U);
    EXPECT_EQ(count(svg, "the map that was written"), 1U);
  }
  plot.series = {{"flat", {{5, 2}}, {}}};
  expect_well_formed(curve_svg(plot));
}

TEST(PlotsTest, Heatmaps) {
  HeatmapPlot plot;
  plot.title = "t";
  plot.scale_label = "score";
  plot.columns = {"1K", "2K", "4K"};
  plot.rows = {"0", "100"};
  plot.panels = {{"dense", {{0, 0.5, 1}, {NAN, 2, -1}}, {{0, 2, 1, 3}}}, {"pod", {{1, 1, 1}, {1, 1, 1}}, {}}};
  plot.show_values = true;
  plot.marked = 1.5;
  plot.marked_label = "trained";
  const std::string svg = heatmap_svg(plot);
  expect_well_formed(svg);
  EXPECT_EQ(count(svg, "stroke-dasharray"), 2U) << "the mark, in each panel";
  EXPECT_EQ(count(svg, ">trained<"), 2U);
  EXPECT_EQ(count(svg, "fill=\"#fde75c\""), 1U + 1 + 6) << "1, 2 (cut off) and the second panel";
  EXPECT_EQ(count(svg, ">0.5<"), 1U);
  EXPECT_EQ(count(svg, "stroke=\"#D55E00\""), 1U + 2) << "one frame, two marks";
}

TEST(PlotsTest, ThirtyTwoLayersAndEightHeadsStayReadable) {
  HeatmapPlot plot;
  for (int layer = 0; layer < 32; ++layer) plot.columns.push_back(std::to_string(layer));
  plot.rows = plot.columns;
  for (int head = 0; head < 8; ++head) {
    plot.panels.push_back({"KV head " + std::to_string(head),
                           std::vector<std::vector<double>>(32, std::vector<double>(32, 0.03 * head)),
                           {}});
  }
  const std::string svg = heatmap_svg(plot);
  expect_well_formed(svg);
  std::smatch size;
  ASSERT_TRUE(std::regex_search(svg, size, std::regex(R"re(<svg [^>]*width="([0-9.]+)" height="([0-9.]+)")re")));
  EXPECT_LE(std::stod(size[1]), 1300);
  EXPECT_LE(std::stod(size[2]), 900);
  EXPECT_LT(svg.size(), 1000000U);
}

TEST(PlotsTest, RampRisesInLightness) {
  double last = -1;
  for (double x = 0; x <= 1.0001; x += 0.01) {
    const std::string colour = ramp_colour(x);
    const auto part = [&](size_t at) { return std::stoi(colour.substr(at, 2), nullptr, 16); };
    const double lightness = 0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5);
    EXPECT_GE(lightness, last - 0.6) << colour;
    last = lightness;
  }
  EXPECT_EQ(ramp_colour(NAN), "none");
}

TEST(PlotsTest, TicksAreRound) {
  EXPECT_EQ(round_ticks(0, 1), (std::vector<double>{0, 0.2, 0.4, 0.6000000000000001, 0.8, 1}));
  EXPECT_EQ(round_ticks(0, 38).size(), 4U);
  EXPECT_EQ(round_ticks(3, 3).size(), 1U);
  EXPECT_EQ(tick_text(0.6000000000000001), "0.6");
  EXPECT_EQ(tick_text(0), "0");
}

}  // namespace
}  // namespace proxima
