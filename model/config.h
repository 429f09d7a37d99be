// SPDX-License-Identifier: MIT
// config.json (and generation_config.json's end tokens), read strictly: every key is used, known to be harmless, or an
// error, because a key that is silently ignored turns long contexts into noise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/rope.h"

namespace proxima {

using TokenId = uint32_t;

struct ModelConfig {
  std::string model_type;  // "llama" or "mistral"
  size_t n_layers = 0;
  size_t hidden = 0;
  size_t n_heads = 0;     // query heads
  size_t n_kv_heads = 0;  // divides n_heads; query head x uses KV head x / (n_heads / n_kv_heads)
  size_t head_dim = 0;    // even
  size_t intermediate = 0;
  size_t vocab = 0;
  size_t max_position = 0;
  double rms_norm_eps = 0;
  RopeParameters rope;
  bool attention_bias = false;
  bool mlp_bias = false;
  bool tie_embeddings = false;
  std::optional<TokenId> bos_id;
  std::vector<TokenId> eos_ids;  // the union of config.json and generation_config.json, ascending, may be empty
};

// Reads dir/config.json and, if present, dir/generation_config.json. Throws Error(kInput) naming the key.
ModelConfig read_config(const std::filesystem::path& dir);

// The same from texts already in memory; `dir` serves the messages only.
ModelConfig parse_config(const std::filesystem::path& dir, std::string_view config_text,
                         std::string_view generation_config_text = "{}");

}  // namespace proxima
