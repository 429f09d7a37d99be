// SPDX-License-Identifier: MIT
// The files that `explore` writes: the sharing map with where it comes from, the curve as a table and as a picture, and
// for js the similarities of all layers as a picture.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "apps/explore_curve.h"
#include "apps/pair_table.h"

namespace proxima {

// Beside the map, named after it: map.json -> map.curve.csv, map.curve.svg, map.similarity.svg and
// map.json.progress.json.
struct ExploreFiles {
  std::filesystem::path map;
  std::filesystem::path table;
  std::filesystem::path curve;
  std::filesystem::path heatmap;
  std::filesystem::path state;
};
// Throws Error(kUsage) unless -o names a file that can stand beside others, Error(kOutput) if it cannot be written.
ExploreFiles explore_files(const std::string& output);

struct Exploration {
  const ExploreOptions* options = nullptr;
  std::string model;
  std::string fingerprint;  // of the weights
  std::string tokens;       // digest of the samples
  std::string precision;
  size_t n_heads = 0;
  size_t length = 0;
  size_t n_samples = 0;
  size_t n_tasks = 0;
  size_t saving_length = 0;
  bool interrupted = false;
  std::vector<CurvePoint> points;
  Choice choice;
  const PairTable* similarity = nullptr;  // js
};

void write_exploration(const Exploration& found, const ExploreFiles& files);

// One table row a point, comma-separated, with a head line.
std::string curve_table(const Exploration& found);
std::string curve_picture(const Exploration& found);
std::string similarity_picture(const Exploration& found);

}  // namespace proxima
