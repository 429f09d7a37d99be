// SPDX-License-Identifier: MIT
// What an exploration has found so far, kept beside its map: an interrupted one goes on from there, and a finished one
// gives the map of another stopping point without measuring again.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "apps/explore_kld.h"
#include "apps/pair_table.h"

namespace proxima {

struct ExploreState {
  // All that decides what is found; where two runs differ in one of them, neither may use what the other found.
  std::map<std::string, std::string> settings;
  size_t samples_done = 0;  // of the pass that fills the table
  PairTable table{0, 0};    // similarities (js) or local errors
  SearchState search;       // kld
};

// Nothing if there is no such file. Throws Error(kInput) for a damaged file and for one of other settings, naming the
// first that differs.
std::optional<ExploreState> read_explore_state(const std::filesystem::path& path,
                                               const std::map<std::string, std::string>& settings);

void write_explore_state(const std::filesystem::path& path, const ExploreState& state);

}  // namespace proxima
