// SPDX-License-Identifier: MIT
// A needle grid for people: as a picture, as numbers, on a terminal.
#pragma once

#include <string>
#include <vector>

#include "apps/eval/needle_task.h"

namespace proxima {

struct NeedlePanel {
  std::string name;                           // of the cache
  std::vector<std::vector<double>> score;     // [depths][lengths]
  std::vector<std::vector<double>> overlap;   // likewise
  std::vector<std::vector<double>> kv_share;  // KV bytes against dense
};

double mean_of(const std::vector<std::vector<double>>& grid);  // of what is not NaN

std::string needle_csv(const NeedleOptions& options, const std::vector<NeedlePanel>& panels);
// A dashed line where lengths exceed trained_length.
std::string needle_svg(const NeedleOptions& options, const std::vector<NeedlePanel>& panels, size_t trained_length);
// Per cent; | stands where lengths exceed trained_length.
std::string needle_text(const NeedleOptions& options, const NeedlePanel& panel, size_t trained_length);

}  // namespace proxima
