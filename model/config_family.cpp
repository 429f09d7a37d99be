// SPDX-License-Identifier: MIT
#include "model/config_family.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/error.h"
#include "core/quote.h"
#include "model/config_rope.h"

namespace proxima {

namespace {

constexpr size_t kMistralDefaultWindow = 4096;  // what the reference assumes where a Mistral config says nothing
constexpr size_t kGemma3DefaultPattern = 6;     // every sixth layer is global
constexpr size_t kSmolLm3DefaultInterval = 4;   // every fourth layer has no rotation

bool flag(JsonObject& config, std::string_view key) {
  return config.find_bool(key).value_or(false);
}

void require_false(JsonObject& config, std::string_view key, std::string_view why) {
  if (flag(config, key)) config.fail_at(key, fmt::format("is true: {}", why));
}

void read_activation(JsonObject& config, std::string_view key, std::string_view expected) {
  const auto name = config.find_text(key);
  if (name && *name != expected) {
    config.fail_at(key, fmt::format("is {}; only {} is supported for this family", quote(*name), quote(expected)));
  }
}

size_t read_window(JsonObject& config) {
  const auto window = config.find_size("sliding_window");
  if (window && *window == 0) config.fail_at("sliding_window", "must not be 0; null means no window");
  return window.value_or(SIZE_MAX);
}

// Applies the window to the layers that `slides` names; transformers 5 lists each layer's type instead.
template <class F>
void set_windows(JsonObject& config, size_t window, F slides, ModelConfig& result) {
  for (size_t layer = 0; layer < result.n_layers; ++layer)
    result.layers[layer].window = slides(layer) ? window : SIZE_MAX;
  const auto* types = config.find("layer_types");
  if (types == nullptr) return;
  if (!types->is_array() || types->size() != result.n_layers) {
    config.fail_at("layer_types", "must list one type per layer");
  }
  for (size_t layer = 0; layer < result.n_layers; ++layer) {
    const auto& type = (*types)[layer];
    if (type != "full_attention" && type != "sliding_attention") {
      config.fail_at("layer_types", fmt::format("holds {}; full_attention and sliding_attention are supported",
                                                quote(type.dump(-1, ' ', true))));
    }
    if (type == "sliding_attention" && window == SIZE_MAX) {
      config.fail_at("layer_types", "names sliding_attention, but no sliding_window is set");
    }
    result.layers[layer].window = type == "sliding_attention" ? window : SIZE_MAX;
  }
}

void same_rope_everywhere(JsonObject& config, ModelConfig& result) {
  const RopeParameters rope = read_rope(config, result.head_dim, result.max_position);
  for (LayerConfig& layer : result.layers) layer.rope = rope;
}

// May be null, but must be there.
void require(const JsonObject& config, std::string_view key) {
  if (!config.has(key)) config.fail_at(key, "is missing");
}

// For families whose reference assumes another base than the usual one where the config is silent.
void require_theta(JsonObject& config) {
  if (config.find("rope_theta") == nullptr && config.find("rope_parameters") == nullptr) {
    config.fail_at("rope_theta", "is missing");
  }
}

constexpr auto kEveryLayer = [](size_t) { return true; };
constexpr auto kNoLayer = [](size_t) { return false; };

// ---- families -------------------------------------------------------------------------------------------------------

void describe_llama(JsonObject& config, ModelConfig& result) {
  read_activation(config, "hidden_act", "silu");
  result.qkv_bias = result.o_bias = flag(config, "attention_bias");
  result.mlp_bias = flag(config, "mlp_bias");
  same_rope_everywhere(config, result);
  set_windows(config, SIZE_MAX, kNoLayer, result);
}

void describe_mistral(JsonObject& config, ModelConfig& result) {
  read_activation(config, "hidden_act", "silu");
  require_false(config, "attention_bias", "the mistral family has no biases");
  require_false(config, "mlp_bias", "the mistral family has no biases");
  same_rope_everywhere(config, result);
  const size_t window = config.has("sliding_window") ? read_window(config) : kMistralDefaultWindow;
  set_windows(config, window, kEveryLayer, result);
}

size_t read_switched_window(JsonObject& config) {
  const size_t declared = read_window(config);
  return flag(config, "use_sliding_window") ? declared : SIZE_MAX;
}

// Qwen2, Qwen2.5 and Qwen3: only layers from max_window_layers on slide, and only if use_sliding_window says so.
void describe_qwen_windows(JsonObject& config, ModelConfig& result) {
  const size_t window = read_switched_window(config);
  const auto first = config.find_size("max_window_layers");
  if (window != SIZE_MAX && !first && config.find("layer_types") == nullptr) {
    config.fail_at("max_window_layers", "is missing");
  }
  set_windows(
      config, window, [&](size_t layer) { return first && layer >= *first; }, result);
}

void describe_qwen2(JsonObject& config, ModelConfig& result) {
  read_activation(config, "hidden_act", "silu");
  require_false(config, "use_mrope", "multimodal rotation is not supported");
  result.qkv_bias = true;
  same_rope_everywhere(config, result);
  describe_qwen_windows(config, result);
}

void describe_qwen3(JsonObject& config, ModelConfig& result) {
  read_activation(config, "hidden_act", "silu");
  result.qkv_bias = result.o_bias = flag(config, "attention_bias");
  result.qk_norm = true;
  same_rope_everywhere(config, result);
  describe_qwen_windows(config, result);
}

// Checkpoints older than the family's place in the reference name code of their own, which is what became of it.
void check_own_code(JsonObject& config) {
  const auto* code = config.find("auto_map");
  if (code == nullptr) return;
  const auto model = code->find("AutoModelForCausalLM");
  if (model == code->end() || *model != "modeling_phi3.Phi3ForCausalLM") {
    config.fail_at("auto_map", "names code other than modeling_phi3.Phi3ForCausalLM");
  }
}

void describe_phi3(JsonObject& config, ModelConfig& result) {
  check_own_code(config);
  read_activation(config, "hidden_act", "silu");
  require_false(config, "attention_bias", "biases are not supported for the phi3 family");
  require_false(config, "mlp_bias", "biases are not supported for the phi3 family");
  require_false(config, "lm_head_bias", "biases are not supported for the phi3 family");
  same_rope_everywhere(config, result);
  set_windows(config, read_window(config), kEveryLayer, result);
}

// Gemma ties its embeddings unless told otherwise, as no other family does.
void describe_gemma(JsonObject& config, ModelConfig& result) {
  read_activation(config, "hidden_activation", "gelu_pytorch_tanh");
  if (config.find("hidden_activation") == nullptr || config.find("hidden_act") != nullptr) {
    read_activation(config, "hidden_act", "gelu_pytorch_tanh");
  }
  require_false(config, "use_bidirectional_attention", "only causal attention is supported");
  result.qkv_bias = result.o_bias = flag(config, "attention_bias");
  result.activation = Activation::kGeluTanh;
  result.post_norms = true;
  result.norm_offset = 1;
  result.embed_scale = std::sqrt(static_cast<double>(result.hidden));
  result.tie_embeddings = config.find_bool("tie_word_embeddings").value_or(true);
  const double scalar = config.find_number("query_pre_attn_scalar").value_or(256);
  if (!(scalar > 0)) config.fail_at("query_pre_attn_scalar", "must be positive");
  result.attention_scale = 1 / std::sqrt(scalar);
  // The reference assumes values of its own where these are absent.
  if (config.find("sliding_window") == nullptr) config.fail_at("sliding_window", "is missing");
  if (result.model_type == "gemma2") {
    require(config, "attn_logit_softcapping");
    require(config, "final_logit_softcapping");
  }
  result.attention_softcap = config.find_number("attn_logit_softcapping").value_or(0);
  result.logit_softcap = config.find_number("final_logit_softcapping").value_or(0);
  if (result.attention_softcap < 0 || result.logit_softcap < 0) {
    config.fail_at("attn_logit_softcapping", "and \"final_logit_softcapping\" must not be negative");
  }
}

void describe_gemma2(JsonObject& config, ModelConfig& result) {
  describe_gemma(config, result);
  same_rope_everywhere(config, result);
  set_windows(
      config, read_window(config), [](size_t layer) { return layer % 2 == 0; }, result);
}

// Local layers slide and rotate by a base of their own, unscaled.
void describe_gemma3(JsonObject& config, ModelConfig& result) {
  describe_gemma(config, result);
  require_theta(config);
  result.qk_norm = true;
  const auto renamed = config.find_size("_sliding_window_pattern");
  const size_t pattern = config.find_size("sliding_window_pattern").value_or(renamed.value_or(kGemma3DefaultPattern));
  if (renamed && *renamed != pattern) config.fail_at("_sliding_window_pattern", "contradicts sliding_window_pattern");
  if (pattern == 0) config.fail_at("sliding_window_pattern", "must not be 0");
  set_windows(
      config, read_window(config), [&](size_t layer) { return (layer + 1) % pattern != 0; }, result);
  const auto [global, local] = read_global_and_local_rope(config, result.head_dim, result.max_position);
  for (LayerConfig& layer : result.layers) layer.rope = layer.window == SIZE_MAX ? global : local;
}

// no_rope_layers holds 1 where a layer rotates; only the others may slide. Embeddings are tied unless the config says
// otherwise.
void describe_smollm3(JsonObject& config, ModelConfig& result) {
  read_activation(config, "hidden_act", "silu");
  require_theta(config);
  result.qkv_bias = result.o_bias = flag(config, "attention_bias");
  result.mlp_bias = flag(config, "mlp_bias");
  result.tie_embeddings = config.find_bool("tie_word_embeddings").value_or(true);
  same_rope_everywhere(config, result);
  const size_t interval = config.find_size("no_rope_layer_interval").value_or(kSmolLm3DefaultInterval);
  const auto* rotated = config.find("no_rope_layers");
  if (rotated != nullptr && (!rotated->is_array() || rotated->size() != result.n_layers)) {
    config.fail_at("no_rope_layers", "must list one number per layer");
  }
  if (interval == 0) config.fail_at("no_rope_layer_interval", "must not be 0");
  for (size_t layer = 0; layer < result.n_layers; ++layer) {
    if (rotated != nullptr && (*rotated)[layer] != 0 && (*rotated)[layer] != 1) {
      config.fail_at("no_rope_layers", "must hold 0 and 1");
    }
    const bool rotates = rotated != nullptr ? (*rotated)[layer] != 0 : (layer + 1) % interval != 0;
    if (!rotates) result.layers[layer].rope = RopeParameters{};
  }
  config.find_size("max_window_layers");  // read by no implementation
  const auto slides = [&](size_t layer) { return result.layers[layer].rope.n_dims == 0; };
  set_windows(config, read_switched_window(config), slides, result);
}

struct Family {
  std::string_view model_type;
  void (*describe)(JsonObject&, ModelConfig&);
};
constexpr std::array<Family, 8> kFamilies = {{{"llama", describe_llama},
                                              {"mistral", describe_mistral},
                                              {"qwen2", describe_qwen2},
                                              {"qwen3", describe_qwen3},
                                              {"phi3", describe_phi3},
                                              {"gemma2", describe_gemma2},
                                              {"gemma3_text", describe_gemma3},
                                              {"smollm3", describe_smollm3}}};

}  // namespace

void check_family(const JsonObject& config, const std::string& model_type) {
  if (std::ranges::find(kFamilies, model_type, &Family::model_type) != kFamilies.end()) return;
  std::string names;
  for (const Family& family : kFamilies) names += fmt::format("{}{}", names.empty() ? "" : ", ", family.model_type);
  config.fail_at("model_type",
                 fmt::format("is {}: this family is not supported; these are: {}", quote(model_type), names));
}

void describe_family(JsonObject& config, ModelConfig& result) {
  result.layers.resize(result.n_layers);
  result.attention_scale = 1 / std::sqrt(static_cast<double>(result.head_dim));
  if (!result.model_type.starts_with("gemma") && result.model_type != "smollm3") {
    result.tie_embeddings = flag(config, "tie_word_embeddings");
  }
  std::ranges::find(kFamilies, result.model_type, &Family::model_type)->describe(config, result);
}

}  // namespace proxima
