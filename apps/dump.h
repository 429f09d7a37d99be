// SPDX-License-Identifier: MIT
// `proxima dump`: runs token ids through a model and writes named activations to a safetensors file or a folder of npy
// files. No tokenizer needed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/common_options.h"
#include "apps/dump_output.h"
#include "model/point_layout.h"

namespace proxima {

struct DumpOptions {
  CommonOptions common;
  std::string ids;
  std::string points = "logits";
  std::string output;
  bool list = false;
  std::string tokens = "all";
  std::optional<size_t> score_rows;  // attn.scores are of the last queries only
  DumpFormat format = DumpFormat::kSafetensors;
};

void declare_dump(CLI::App& app, DumpOptions& options);
void dump(const DumpOptions& options);

}  // namespace proxima
