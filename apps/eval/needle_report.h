// SPDX-License-Identifier: MIT
// A needle grid for people: as a picture, as numbers, on a terminal.
#pragma once

#include <string>
#include <vector>

#include "apps/eval/needle_task.h"
#include "apps/eval/proportion.h"

namespace proxima {

struct NeedlePanel {
  std::string name;                           // of the cache
  std::vector<std::vector<double>> score;     // [depths][lengths]
  std::vector<std::vector<double>> overlap;   // likewise
  std::vector<std::vector<double>> kv_share;  // KV bytes against dense
  std::vector<bool> found = {};               // [trial] in the order of documents and their facts
};

// How many facts a cache found, and against another cache with the same trials. Intervals are of 95 %, as if the facts
// of one document were independent.
struct NeedleCounts {
  size_t n = 0;
  size_t n_found = 0;
  size_t n_lost = 0;    // found by the other alone
  size_t n_gained = 0;  // not by the other
  Interval share;
  Interval difference;  // of the shares, less the other's
};
NeedleCounts count_found(const NeedlePanel& panel, const NeedlePanel& other);
// One line; nothing about the other where it is the panel itself.
std::string counts_text(const NeedlePanel& panel, const NeedlePanel& other);

double mean_of(const std::vector<std::vector<double>>& grid);  // of what is not NaN

std::string needle_csv(const NeedleOptions& options, const std::vector<NeedlePanel>& panels);
// A dashed line where lengths exceed trained_length.
std::string needle_svg(const NeedleOptions& options, const std::vector<NeedlePanel>& panels, size_t trained_length);
// Per cent; | stands where lengths exceed trained_length.
std::string needle_text(const NeedleOptions& options, const NeedlePanel& panel, size_t trained_length);

}  // namespace proxima
