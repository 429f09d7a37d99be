// SPDX-License-Identifier: MIT
// `proxima compare REF GOT`: which tensor of two runs is the first to differ, by how much, and a verdict.
#pragma once

#include <string>

#include "apps/common_options.h"
#include "apps/comparison.h"

namespace proxima {

struct CompareOptions {
  CommonOptions common;  // only its verbosity
  std::string ref;
  std::string got;
  std::string names;  // file of a NameMap
  std::string points = "*";
  CompareLimits limits;
  bool json = false;
};

void declare_compare(CLI::App& app, CompareOptions& options);
// Writes the table, or JSON, and throws Error(kLimit) with the verdict where the files do not agree.
void compare(const CompareOptions& options);

}  // namespace proxima
