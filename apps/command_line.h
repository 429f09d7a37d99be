// SPDX-License-Identifier: MIT
// From the arguments of main() to a command: rewriting, parsing, PROXIMA_<FLAG> from the environment.
#pragma once

#include <string>
#include <vector>

#include "apps/train/training_job.h"

namespace proxima {

// CLI11 refuses flags of several letters behind a single dash. -ctk, -ctv, -sys and -sysf, with or without =VALUE,
// become their long forms; what follows a lone -- or is the value of -p or of a system prompt stays as it is.
std::vector<std::string> rewrite_arguments(const std::vector<std::string>& arguments);

// Parses and runs; without a trainer `train` and `adapt` are handed over to the program that has one. Throws Error;
// help and version are data on standard output.
void run_command_line(const std::vector<std::string>& arguments, TrainFunction trainer = nullptr);

}  // namespace proxima
