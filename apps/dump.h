// SPDX-License-Identifier: MIT
// `proxima dump`: runs token ids through a model and writes named activations to a safetensors file. No tokenizer
// needed.
#pragma once

#include <string>
#include <vector>

#include "apps/common_options.h"
#include "core/safetensors.h"
#include "model/observer.h"

namespace proxima {

struct DumpOptions {
  CommonOptions common;
  std::string ids;
  std::string points = "logits";
  std::string output;
  bool list = false;
  std::optional<size_t> score_rows;  // attn.scores are of the last queries only; 1 where absent
};

void declare_dump(CLI::App& app, DumpOptions& options);
void dump(const DumpOptions& options);

// Whether `name` matches a pattern in which * stands for any text, as in layers.*.resid_post.
bool matches_glob(std::string_view pattern, std::string_view name);

}  // namespace proxima
