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

enum class Activation { kSilu, kGeluTanh };

// What may differ from layer to layer.
struct LayerConfig {
  RopeParameters rope;       // n_dims 0: no rotation (SmolLM3's NoPE layers)
  size_t window = SIZE_MAX;  // a query at i sees keys with i - j < window

  bool operator==(const LayerConfig&) const = default;
};

// One description for all families: what a family does differently is a value here, not a branch elsewhere. Only the
// names of tensors (model/weights.h) are looked up by model_type.
struct ModelConfig {
  std::string model_type;  // "llama", "mistral", "qwen2", "qwen3", "phi3", "gemma2", "gemma3_text", "smollm3"
  size_t n_layers = 0;
  size_t hidden = 0;
  size_t n_heads = 0;     // query heads
  size_t n_kv_heads = 0;  // divides n_heads; query head x uses KV head x / (n_heads / n_kv_heads)
  size_t head_dim = 0;    // even
  size_t intermediate = 0;
  size_t vocab = 0;
  size_t max_position = 0;
  double rms_norm_eps = 0;
  std::vector<LayerConfig> layers;  // [n_layers]
  bool qkv_bias = false;
  bool o_bias = false;
  bool mlp_bias = false;
  bool qk_norm = false;     // an RMSNorm over each head of q and k before rotation
  bool post_norms = false;  // an RMSNorm over each block's output before it is added
  bool tie_embeddings = false;
  double norm_offset = 0;        // norms multiply by offset + weight: 1 in the Gemma families
  double embed_scale = 1;        // of the embeddings
  double attention_scale = 1;    // of the query-key products
  double attention_softcap = 0;  // 0: none
  double logit_softcap = 0;      // 0: none
  Activation activation = Activation::kSilu;
  std::optional<TokenId> bos_id;
  std::vector<TokenId> eos_ids;  // the union of config.json and generation_config.json, ascending, may be empty
};

// The longest sequence the model is meant for: max_position_embeddings, or, where that is more, as many times the
// unscaled length as linear, dynamic or YaRN scaling says.
size_t trained_context(const ModelConfig& config);

// The longest sequence for which the rotation of a prompt of prompt_length tokens stays right in every layer; SIZE_MAX
// where there is no such border.
size_t rotation_limit(const ModelConfig& config, size_t prompt_length);

// Reads dir/config.json and, if present, dir/generation_config.json. Throws Error(kInput) naming the key.
ModelConfig read_config(const std::filesystem::path& dir);

// The same from texts already in memory; `dir` serves the messages only.
ModelConfig parse_config(const std::filesystem::path& dir, std::string_view config_text,
                         std::string_view generation_config_text = "{}");

}  // namespace proxima
