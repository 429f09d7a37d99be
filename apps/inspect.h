// SPDX-License-Identifier: MIT
// `proxima inspect`: what is in a checkpoint, from config.json and the safetensors headers; no tokenizer needed.
#pragma once

#include "apps/common_options.h"

namespace proxima {

struct InspectOptions {
  CommonOptions common;
  bool tensors = false;
  bool check = false;
  bool json = false;
};

void declare_inspect(CLI::App& app, InspectOptions& options);
void inspect(const InspectOptions& options);

}  // namespace proxima
