// SPDX-License-Identifier: MIT
// `proxima run`: completes or answers one prompt, or several questions about a document that `prefill` has saved.
#pragma once

#include "apps/answering.h"

namespace proxima {

struct RunOptions : AnswerOptions {
  std::string kv;         // a cache file
  std::string questions;  // file with one question a line
};

void declare_run(CLI::App& app, RunOptions& options);
void run(const RunOptions& options);

}  // namespace proxima
