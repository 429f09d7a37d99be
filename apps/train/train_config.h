// SPDX-License-Identifier: MIT
// The JSON file that describes a training run, read strictly: a key that nobody knows is an error.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "apps/train/train_settings.h"
#include "model/tokenizer.h"

namespace proxima {

// A run as its JSON says it:
// {"seed": 1, "products": "bf16", "lora": {"rank", "alpha", "modules"},
//  "stages": [{"length", "tokens", "batch_tokens", "learning_rate", "sources": [...]}],
//  "sources": [{"kind": "text", "files": [...], "share": 1}, {"kind": "tasks", "file": ..., "share": 1},
//              {"kind": "planted", "files": [...], "share": 1, and the keys of planted_source.h}],
//  "roles": {"text", "first_answer", "answer"}, "loss": {"truth", "teacher"},
//  "optimizer": {"weight_decay", "beta1", "beta2", "epsilon", "clip", "warm_up", "final_rate", "average"}}
// Sources of a stage stand instead of those of the run. Other keys are the command's own.
struct TrainConfig {
  TrainSettings settings;
  std::optional<LoraSettings> lora;
};

// Names of files are taken relative to `folder`; `tokenizer`, of tokenizer_dir, must outlive the sources. Throws
// Error(kInput) beginning with `where`, Error(kUsage) for texts that are too short, Error(kContext) for stages beyond
// most_length.
TrainConfig parse_train_config(const nlohmann::json& json, const std::string& where,
                               const std::filesystem::path& folder, const Tokenizer& tokenizer,
                               const std::filesystem::path& tokenizer_dir, size_t most_length);

}  // namespace proxima
