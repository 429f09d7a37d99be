// SPDX-License-Identifier: MIT
#include "apps/explore_state.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json_file.h"
#include "core/output_file.h"

namespace proxima {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr const char* kFormat = "proxima.explore-state/1";

ordered_json as_json(const Damage& damage) {
  return {damage.kl, damage.task_loss};
}
Damage damage_of(const json& pair) {
  return {pair.at(0).get<double>(), pair.at(1).get<double>()};
}
ordered_json as_json(const Cell& cell) {
  return {cell.layer, cell.kv_head, cell.donor};
}
Cell cell_of(const json& triple) {
  return {triple.at(0).get<size_t>(), triple.at(1).get<size_t>(), triple.at(2).get<size_t>()};
}

ordered_json as_json(const SearchState& search) {
  ordered_json steps = ordered_json::array(), candidates = ordered_json::array();
  for (const DamageStep& step : search.steps) steps.push_back({as_json(step.cell), as_json(step.damage)});
  for (const auto& each : search.candidates) {
    candidates.push_back({as_json(each.cell), each.measured, each.at_step, as_json(each.damage), each.increase});
  }
  ordered_json result = {{"steps", steps}, {"candidates", candidates}, {"measured", search.n_measured}};
  if (search.least_ratio) result["least_ratio"] = *search.least_ratio;
  return result;
}

SearchState search_of(const json& file) {
  SearchState search;
  for (const json& step : file.at("steps")) search.steps.push_back({cell_of(step.at(0)), damage_of(step.at(1))});
  for (const json& each : file.at("candidates")) {
    search.candidates.push_back({cell_of(each.at(0)), each.at(1).get<bool>(), each.at(2).get<size_t>(),
                                 damage_of(each.at(3)), each.at(4).get<double>()});
  }
  search.n_measured = file.at("measured").get<size_t>();
  if (file.contains("least_ratio")) search.least_ratio = file.at("least_ratio").get<double>();
  return search;
}

bool in_table(const Cell& cell, const PairTable& table) {
  return cell.layer < table.n_layers && cell.kv_head < table.n_kv_heads && cell.donor < cell.layer;
}

ExploreState state_of(const json& file) {
  ExploreState state;
  state.settings = file.at("settings").get<std::map<std::string, std::string>>();
  state.samples_done = file.at("samples_done").get<size_t>();
  const json& table = file.at("table");
  state.table = PairTable(table.at("layers").get<size_t>(), table.at("kv_heads").get<size_t>());
  const size_t n_pairs = state.table.sums.size();
  state.table.sums = table.at("sums").get<std::vector<double>>();
  state.table.n_rows = table.at("rows").get<std::vector<double>>();
  state.search = search_of(file.at("search"));
  bool whole = state.table.sums.size() == n_pairs && state.table.n_rows.size() == n_pairs;
  for (const DamageStep& step : state.search.steps) whole = whole && in_table(step.cell, state.table);
  for (const auto& each : state.search.candidates) whole = whole && in_table(each.cell, state.table);
  if (!whole) throw std::invalid_argument("its tables do not fit each other");
  return state;
}

}  // namespace

std::optional<ExploreState> read_explore_state(const std::filesystem::path& path,
                                               const std::map<std::string, std::string>& settings) {
  if (!std::filesystem::exists(path)) return std::nullopt;
  const json file = read_json_file(path);
  ExploreState state;
  try {
    if (file.at("format") != kFormat) throw std::invalid_argument("its format is not " + std::string(kFormat));
    state = state_of(file);
  } catch (const std::exception& error) {
    fail(ErrorKind::kInput, "{}: not what an exploration left ({}); --restart begins anew", path.string(),
         error.what());
  }
  for (const auto& [name, value] : settings) {
    const auto found = state.settings.find(name);
    if (found != state.settings.end() && found->second == value) continue;
    fail(ErrorKind::kInput,
         "{}: found with {} {}, now it is {}; give the same options, another -o, or --restart to begin anew",
         path.string(), name, found == state.settings.end() ? "unknown" : found->second, value);
  }
  return state;
}

void write_explore_state(const std::filesystem::path& path, const ExploreState& state) {
  const ordered_json file = {{"format", kFormat},
                             {"settings", state.settings},
                             {"samples_done", state.samples_done},
                             {"table",
                              {{"layers", state.table.n_layers},
                               {"kv_heads", state.table.n_kv_heads},
                               {"sums", state.table.sums},
                               {"rows", state.table.n_rows}}},
                             {"search", as_json(state.search)}};
  write_text_file(path, file.dump() + "\n");
}

}  // namespace proxima
