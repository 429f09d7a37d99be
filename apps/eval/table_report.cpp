// SPDX-License-Identifier: MIT
#include "apps/eval/table_report.h"

#include <fmt/ranges.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "apps/session.h"

namespace proxima {
namespace {

using nlohmann::ordered_json;

struct Column {
  std::string title;
  std::function<std::string(const ordered_json& row)> cell;
};

// Where the numbers that texts and needles both give are taken from.
const ordered_json& bytes_of(const ordered_json& row) {
  return row.contains("text") ? row["text"]["cost"] : row["needle"];
}

double text_ppl(const ordered_json& row) {
  return row["text"]["forced"].at("ppl").get<double>();
}

std::string percent(double share) {
  return fmt::format("{:.1f} %", 100 * share);
}

std::vector<Column> columns_for(const ordered_json& row) {
  const auto number = [](const ordered_json& value) { return value.get<double>(); };
  std::vector<Column> columns = {
      {"cache", [](const ordered_json& each) { return each.at("cache").get<std::string>(); }},
      {"KV bytes",
       [=](const ordered_json& each) { return format_bytes(static_cast<size_t>(number(each["kv_bytes"]))); }},
      {"saved", [=](const ordered_json& each) { return percent(number(each["saved"])); }}};
  if (row.contains("text")) {
    columns.push_back({"ppl", [](const ordered_json& each) { return fmt::format("{:.4f}", text_ppl(each)); }});
    columns.push_back({"more ppl", [=](const ordered_json& each) { return percent(number(each["drop"]["ppl"])); }});
    columns.push_back({"KLD", [=](const ordered_json& each) {
                         const ordered_json& forced = each["text"]["forced"];
                         return fmt::format("{:.5f} ± {:.5f}", number(forced["kld"]), number(forced["kld_error"]));
                       }});
    columns.push_back(
        {"same top", [=](const ordered_json& each) { return percent(number(each["text"]["forced"]["same_top"])); }});
  }
  if (row.contains("needle")) {
    columns.push_back({"needle", [=](const ordered_json& each) { return percent(number(each["needle"]["score"])); }});
    columns.push_back({"drop", [=](const ordered_json& each) {
                         const ordered_json& drop = each["drop"]["needle"];
                         return drop.is_null() ? "-" : percent(number(drop));
                       }});
  }
  columns.push_back({"prompt tokens/s", [=](const ordered_json& each) {
                       return fmt::format("{:.0f}", number(each["prompt_per_second"]));
                     }});
  columns.push_back({"tokens/s", [=](const ordered_json& each) {
                       return fmt::format("{:.1f}", number(each["generate_per_second"]));
                     }});
  return columns;
}

}  // namespace

void complete_rows(std::vector<ordered_json>& rows) {
  const ordered_json dense = rows.front();
  for (ordered_json& row : rows) {
    const ordered_json bytes = bytes_of(row);
    row["kv_bytes"] = bytes["kv_bytes"];
    row["saved"] = 1 - bytes.at("kv_bytes").get<double>() / bytes.at("kv_dense_bytes").get<double>();
    row["prompt_per_second"] = bytes["prompt_per_second"];
    row["generate_per_second"] = bytes["generate_per_second"];
    row["drop"] = ordered_json::object();
    if (row.contains("text")) row["drop"]["ppl"] = text_ppl(row) / text_ppl(dense) - 1;
    if (row.contains("needle")) {
      const double before = dense["needle"]["score"];
      row["drop"]["needle"] =
          before == 0 ? ordered_json(nullptr) : ordered_json(1 - row["needle"].at("score").get<double>() / before);
    }
  }
}

std::string table_markdown(const std::vector<ordered_json>& rows) {
  const auto columns = columns_for(rows.front());
  std::vector<std::string> titles;
  for (const Column& column : columns) titles.push_back(column.title);
  std::string text = fmt::format("| {} |\n|{}\n", fmt::join(titles, " | "), [&] {
    std::string rule = " --- |";
    for (size_t i = 1; i < columns.size(); ++i) rule += " ---: |";
    return rule;
  }());
  for (const ordered_json& row : rows) {
    text += '|';
    for (const Column& column : columns) text += fmt::format(" {} |", column.cell(row));
    text += '\n';
  }
  return text;
}

}  // namespace proxima
