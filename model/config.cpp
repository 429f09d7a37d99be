// SPDX-License-Identifier: MIT
#include "model/config.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <system_error>

#include "core/error.h"
#include "core/json_file.h"
#include "core/json_object.h"
#include "core/mapped_file.h"
#include "core/quote.h"
#include "model/config_family.h"

namespace proxima {

namespace {

// Far above every model known, and low enough that no product of them (bytes of a KV cache in double: layers * KV heads
// * head_dim * positions * 16) overflows 64 bits.
constexpr size_t kMaxLayers = size_t{1} << 10;
constexpr size_t kMaxHeads = size_t{1} << 10;
constexpr size_t kMaxHeadDim = size_t{1} << 12;
constexpr size_t kMaxPosition = size_t{1} << 26;
constexpr size_t kMaxWidth = size_t{1} << 20;
constexpr size_t kMaxVocab = size_t{1} << 24;

// Keys that cannot change what this runtime computes, whatever their value.
constexpr std::array<std::string_view, 24> kHarmless = {
    "_attn_implementation_autoset",  // how the reference was to compute attention, not what
    "_name_or_path",
    "architectures",         // the tensors show whether there is a head
    "attention_dropout",     // training only
    "cache_implementation",  // of the reference
    "embd_pdrop",            // training only
    "full_attn_mod",         // Phi-4-mini's, read by no implementation
    "interpolate_factor",    // likewise
    "resid_pdrop",           // training only
    "dtype",                 // each tensor carries its own
    "initializer_range",     // training only
    "is_llama_config",
    "output_attentions",
    "output_hidden_states",
    "pad_token_id",  // nothing is padded here
    "return_dict",
    "torch_dtype",
    "torchscript",
    "transformers.js_config",
    "transformers_version",
    "unsloth_fixed",
    "unsloth_version",
    "use_cache",
    "use_return_dict",
};

size_t read_count(JsonObject& config, std::string_view key, size_t limit) {
  const size_t value = config.size(key);
  if (value == 0 || value > limit) {
    config.fail_at(key, fmt::format("is {}; it must lie between 1 and {}", value, limit));
  }
  return value;
}

void read_family(JsonObject& config, ModelConfig& result) {
  // First: a quantized or foreign model should hear that, not complaints about keys that follow from it.
  result.model_type = config.text("model_type");
  check_family(config, result.model_type);
  if (config.find("quantization_config") != nullptr) {
    config.fail_at("quantization_config",
                   "is present: quantized checkpoints are not supported; use the original in "
                   "BF16, F16 or F32");
  }
}

void read_heads(JsonObject& config, ModelConfig& result) {
  result.n_heads = read_count(config, "num_attention_heads", kMaxHeads);
  if (config.find("num_key_value_heads") != nullptr) {
    result.n_kv_heads = read_count(config, "num_key_value_heads", kMaxHeads);
  } else if (result.model_type == "llama" || result.model_type == "phi3") {
    result.n_kv_heads = result.n_heads;
  } else {
    config.fail_at("num_key_value_heads", "is missing");  // the reference would assume 8 for this family
  }
  if (result.n_heads % result.n_kv_heads != 0) {
    config.fail_at("num_key_value_heads", fmt::format("is {}, which does not divide num_attention_heads ({})",
                                                      result.n_kv_heads, result.n_heads));
  }
  if (config.find("head_dim") != nullptr) {
    result.head_dim = read_count(config, "head_dim", kMaxHeadDim);
  } else if (result.hidden % result.n_heads == 0 && result.model_type != "qwen3" &&
             !result.model_type.starts_with("gemma")) {
    result.head_dim = result.hidden / result.n_heads;
  } else {
    config.fail_at("head_dim",
                   fmt::format("is missing, and hidden_size / num_attention_heads ({} / {}) does not tell it",
                               result.hidden, result.n_heads));
  }
  if (result.head_dim % 2 != 0 || result.head_dim > kMaxHeadDim) {
    config.fail_at("head_dim", fmt::format("is {}; it must be even and at most {}", result.head_dim, kMaxHeadDim));
  }
}

void read_sizes(JsonObject& config, ModelConfig& result) {
  result.n_layers = read_count(config, "num_hidden_layers", kMaxLayers);
  result.hidden = read_count(config, "hidden_size", kMaxWidth);
  result.intermediate = read_count(config, "intermediate_size", kMaxWidth);
  result.vocab = read_count(config, "vocab_size", kMaxVocab);
  result.max_position = read_count(config, "max_position_embeddings", kMaxPosition);
  read_heads(config, result);
  result.rms_norm_eps = config.number("rms_norm_eps");
  if (!(result.rms_norm_eps > 0.0 && result.rms_norm_eps < 1.0)) {
    config.fail_at("rms_norm_eps", fmt::format("is {}; it must lie between 0 and 1", result.rms_norm_eps));
  }
}

// Keys that are harmless with one value and change the computation with another.
void check_conditional_keys(JsonObject& config, const ModelConfig& result) {
  if (config.find_size("pretraining_tp").value_or(1) != 1 && result.model_type != "smollm3") {  // which never reads it
    config.fail_at("pretraining_tp", "must be 1: slicing the products changes their rounding");
  }
  if (config.find_bool("rope_interleaved").value_or(false)) {
    config.fail_at("rope_interleaved", "is true: only the half-split order of rotary pairs is supported");
  }
  // A name of the first Llama conversions for max_position_embeddings.
  if (config.find_size("max_sequence_length").value_or(result.max_position) != result.max_position) {
    config.fail_at("max_sequence_length", "contradicts max_position_embeddings");
  }
}

void check_unread(const JsonObject& config) {
  for (const std::string& key : config.unread()) {
    if (std::find(kHarmless.begin(), kHarmless.end(), key) != kHarmless.end()) continue;
    config.fail_at(key,
                   "is an unknown key that may change the computation: use a model without it, or remove it if it "
                   "has no effect");
  }
}

TokenId read_token(const JsonObject& object, std::string_view key, const nlohmann::json& value, size_t vocab) {
  if (!value.is_number_unsigned() || value.get<size_t>() >= vocab) {
    object.fail_at(
        key, fmt::format("holds {}, not a token id below vocab_size ({})", quote(value.dump(-1, ' ', true)), vocab));
  }
  return value.get<TokenId>();
}

void add_eos(JsonObject& object, ModelConfig& result) {
  constexpr std::string_view kKey = "eos_token_id";
  const auto* value = object.find(kKey);
  if (value == nullptr) return;
  if (value->is_array()) {
    for (const auto& element : *value) result.eos_ids.push_back(read_token(object, kKey, element, result.vocab));
  } else {
    result.eos_ids.push_back(read_token(object, kKey, *value, result.vocab));
  }
}

std::string_view text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

}  // namespace

ModelConfig parse_config(const std::filesystem::path& dir, std::string_view config_text,
                         std::string_view generation_config_text) {
  const std::string where = (dir / "config.json").string();
  const auto json = parse_json(config_text, where);
  JsonObject config(json, where);
  ModelConfig result;
  read_family(config, result);
  read_sizes(config, result);
  describe_family(config, result);
  check_conditional_keys(config, result);
  if (const auto* bos = config.find("bos_token_id"); bos != nullptr) {
    result.bos_id = read_token(config, "bos_token_id", *bos, result.vocab);
  }
  add_eos(config, result);
  check_unread(config);

  // The rest of generation_config.json proposes sampling settings, which are the user's to choose.
  const std::string generation_where = (dir / "generation_config.json").string();
  const auto generation_json = parse_json(generation_config_text, generation_where);
  JsonObject generation(generation_json, generation_where);
  add_eos(generation, result);
  std::sort(result.eos_ids.begin(), result.eos_ids.end());
  result.eos_ids.erase(std::unique(result.eos_ids.begin(), result.eos_ids.end()), result.eos_ids.end());
  return result;
}

size_t trained_context(const ModelConfig& config) {
  const auto max_position = static_cast<double>(config.max_position);
  double context = max_position;
  for (const LayerConfig& layer : config.layers) {
    const RopeParameters& rope = layer.rope;
    const bool counts_scaled = config.model_type == "gemma3_text";  // as no other family does under linear scaling
    if ((rope.kind == RopeKind::kLinear || rope.kind == RopeKind::kDynamic) && !counts_scaled) {
      context = std::max(context, max_position * rope.factor);
    } else if (rope.kind == RopeKind::kYarn) {
      context = std::max(context, static_cast<double>(rope.original_max_position) * rope.factor);
    }
  }
  return static_cast<size_t>(context);
}

size_t rotation_limit(const ModelConfig& config, size_t prompt_length) {
  size_t limit = SIZE_MAX;
  for (const LayerConfig& layer : config.layers) {
    limit = std::min(limit, rope_length_limit(layer.rope, prompt_length));
  }
  return limit;
}

ModelConfig read_config(const std::filesystem::path& dir) {
  const MappedFile config(dir / "config.json");
  const auto generation_path = dir / "generation_config.json";
  std::error_code problem;  // one that hides whether the file exists is reported by the attempt to open it
  if (!std::filesystem::exists(generation_path, problem) && !problem) return parse_config(dir, text_of(config));
  const MappedFile generation(generation_path);
  return parse_config(dir, text_of(config), text_of(generation));
}

}  // namespace proxima
