// SPDX-License-Identifier: MIT
#include "model/config_family.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "test/expect_error.h"

namespace proxima {
namespace {

using nlohmann::json;

// What a family's config must say, beside the common sizes of a model of 8 layers.
json base(const std::string& family) {
  json config = json::parse(R"({"hidden_size": 48, "num_hidden_layers": 8, "num_attention_heads": 6,
    "num_key_value_heads": 2, "head_dim": 12, "intermediate_size": 99, "vocab_size": 100,
    "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 5000.0})");
  config["model_type"] = family;
  if (family.starts_with("gemma")) config["sliding_window"] = 7;
  if (family == "gemma2") config["attn_logit_softcapping"] = config["final_logit_softcapping"] = nullptr;
  return config;
}

ModelConfig parse(const std::string& family, const char* changes = "{}") {
  json config = base(family);
  config.merge_patch(json::parse(changes));  // a null removes the key
  return parse_config("D", config.dump());
}

void refuse(const std::string& family, const char* changes, std::string_view message) {
  SCOPED_TRACE(family + changes);
  test::expect_error(ErrorKind::kInput, message, [&] { parse(family, changes); });
  test::expect_error(ErrorKind::kInput, "D/config.json: ", [&] { parse(family, changes); });
}

// One character a layer: 'w' has the window, '-' sees everything.
std::string windows(const ModelConfig& config, size_t window) {
  std::string text;
  for (const LayerConfig& layer : config.layers) {
    text += layer.window == window ? 'w' : layer.window == SIZE_MAX ? '-' : '?';
  }
  return text;
}

constexpr const char* kMixedTypes = R"(["sliding_attention", "full_attention", "full_attention", "full_attention",
  "full_attention", "full_attention", "sliding_attention", "sliding_attention"])";

std::string with_types(const std::string& others) {
  return "{" + others + R"("layer_types": )" + kMixedTypes + "}";
}

TEST(ConfigFamily, WhatEachFamilyIs) {
  const auto biases = [](const ModelConfig& c) {
    return std::string(c.qkv_bias ? "q" : "") + (c.o_bias ? "o" : "") + (c.mlp_bias ? "m" : "");
  };
  for (const char* family : {"llama", "mistral", "qwen2", "qwen3", "phi3", "gemma2", "gemma3_text", "smollm3"}) {
    SCOPED_TRACE(family);
    const ModelConfig config = parse(family);
    const std::string name = family;
    const bool gemma = name.starts_with("gemma");
    EXPECT_EQ(config.model_type, family);
    EXPECT_EQ(biases(config), name == "qwen2" ? "q" : "");
    EXPECT_EQ(config.qk_norm, name == "qwen3" || name == "gemma3_text");
    EXPECT_EQ(config.post_norms, gemma);
    EXPECT_EQ(config.norm_offset, gemma ? 1 : 0);
    EXPECT_EQ(config.embed_scale, gemma ? std::sqrt(48.0) : 1);
    EXPECT_EQ(config.activation, gemma ? Activation::kGeluTanh : Activation::kSilu);
    EXPECT_EQ(config.tie_embeddings, gemma || name == "smollm3");
    EXPECT_EQ(config.attention_scale, gemma ? 1.0 / 16 : 1 / std::sqrt(12.0));
    EXPECT_EQ(config.attention_softcap, 0);
    EXPECT_EQ(config.logit_softcap, 0);
    EXPECT_TRUE(parse(family, R"({"tie_word_embeddings": true})").tie_embeddings);
    EXPECT_FALSE(parse(family, R"({"tie_word_embeddings": false})").tie_embeddings);
    refuse(family, R"({"hidden_act": "relu"})", "\"hidden_act\" is \"relu\"; only ");
    refuse(family, R"({"layer_types": ["chunked_attention", "", "", "", "", "", "", ""]})",
           "\"layer_types\" holds \"\"chunked_attention\"\"");
  }
  EXPECT_EQ(biases(parse("llama", R"({"attention_bias": true, "mlp_bias": true})")), "qom");
  EXPECT_EQ(biases(parse("smollm3", R"({"attention_bias": true, "mlp_bias": true})")), "qom");
  EXPECT_EQ(biases(parse("qwen3", R"({"attention_bias": true})")), "qo");
  EXPECT_EQ(biases(parse("gemma2", R"({"attention_bias": true})")), "qo");
}

TEST(ConfigFamily, KeysOfOtherFamiliesAreUnknown) {
  const std::pair<const char*, const char*> cases[] = {{"llama", "sliding_window"},
                                                       {"llama", "use_sliding_window"},
                                                       {"mistral", "max_window_layers"},
                                                       {"qwen2", "attention_bias"},
                                                       {"qwen2", "mlp_bias"},
                                                       {"qwen3", "mlp_bias"},
                                                       {"qwen3", "query_pre_attn_scalar"},
                                                       {"phi3", "max_window_layers"},
                                                       {"gemma2", "sliding_window_pattern"},
                                                       {"gemma2", "rope_local_base_freq"},
                                                       {"gemma3_text", "mlp_bias"},
                                                       {"smollm3", "attn_logit_softcapping"},
                                                       {"mistral", "auto_map"},
                                                       {"qwen2", "no_rope_layer_interval"}};
  for (const auto& [family, key] : cases) {
    refuse(family, ("{\"" + std::string(key) + "\": 1}").c_str(), '"' + std::string(key) + "\" is an unknown key");
  }
}

TEST(ConfigFamily, Mistral) {
  EXPECT_EQ(windows(parse("mistral", R"({"sliding_window": 96})"), 96), "wwwwwwww");
  EXPECT_EQ(windows(parse("mistral"), 4096), "wwwwwwww");  // what the reference takes an absent key for
  json whole = base("mistral");
  whole["sliding_window"] = nullptr;
  EXPECT_EQ(windows(parse_config("D", whole.dump()), 0), "--------");
  EXPECT_EQ(windows(parse("mistral", with_types(R"("sliding_window": 5, )").c_str()), 5), "w-----ww");
  refuse("mistral", R"({"sliding_window": 0})", "\"sliding_window\" must not be 0; null means no window");
  refuse("mistral", R"({"sliding_window": -1})", "\"sliding_window\" must be a whole number");
  refuse("mistral", R"({"attention_bias": true})", "the mistral family has no biases");
  refuse("mistral", R"({"mlp_bias": true})", "the mistral family has no biases");
  refuse("mistral", R"({"num_key_value_heads": null})", "\"num_key_value_heads\" is missing");
}

TEST(ConfigFamily, QwenWindows) {
  for (const char* family : {"qwen2", "qwen3"}) {
    const auto of = [&](const std::string& text) { return windows(parse(family, text.c_str()), 9); };
    EXPECT_EQ(of(R"({"sliding_window": 9, "max_window_layers": 3})"), "--------");
    EXPECT_EQ(of(R"({"sliding_window": 9, "use_sliding_window": false, "max_window_layers": 3})"), "--------");
    EXPECT_EQ(of(R"({"sliding_window": 9, "use_sliding_window": true, "max_window_layers": 3})"), "---wwwww");
    EXPECT_EQ(of(R"({"sliding_window": 9, "use_sliding_window": true, "max_window_layers": 8})"), "--------");
    EXPECT_EQ(of(R"({"use_sliding_window": true, "max_window_layers": 3})"), "--------");
    EXPECT_EQ(of(with_types(R"("sliding_window": 9, "use_sliding_window": true, )")), "w-----ww");
    refuse(family, R"({"sliding_window": 9, "use_sliding_window": true})", "\"max_window_layers\" is missing");
    refuse(family, with_types(R"("sliding_window": 9, )").c_str(), "names sliding_attention, but no sliding_window");
    refuse(family, R"({"num_key_value_heads": null})", "\"num_key_value_heads\" is missing");
  }
  refuse("qwen2", R"({"use_mrope": true})", "\"use_mrope\" is true: multimodal rotation is not supported");
  refuse("qwen3", R"({"head_dim": null})", "\"head_dim\" is missing");
}

TEST(ConfigFamily, Phi3) {
  EXPECT_EQ(windows(parse("phi3", R"({"sliding_window": 96})"), 96), "wwwwwwww");
  EXPECT_EQ(windows(parse("phi3"), 0), "--------");
  EXPECT_EQ(parse("phi3", R"({"num_key_value_heads": null})").n_kv_heads, 6U);
  EXPECT_EQ(parse("phi3", R"({"partial_rotary_factor": 0.5})").layers[7].rope.n_dims, 6U);
  refuse("phi3", R"({"partial_rotary_factor": 0.75})", "\"partial_rotary_factor\" is 0.75; it must leave an even");
  for (const char* key : {"attention_bias", "mlp_bias", "lm_head_bias"}) {
    refuse("phi3", ("{\"" + std::string(key) + "\": true}").c_str(), '"' + std::string(key) + "\" is true: biases");
  }
  parse("phi3", R"({"auto_map": {"AutoModelForCausalLM": "modeling_phi3.Phi3ForCausalLM"}})");
  refuse("phi3", R"({"auto_map": {"AutoModelForCausalLM": "modeling_mine.Phi3ForCausalLM"}})", "\"auto_map\" names");
  refuse("phi3", R"({"auto_map": {}})", "\"auto_map\" names");
  refuse("phi3", R"({"auto_map": 1})", "\"auto_map\" names");
}

TEST(ConfigFamily, Gemma2) {
  const ModelConfig config = parse("gemma2", R"({"attn_logit_softcapping": 50.0, "final_logit_softcapping": 30.0,
    "query_pre_attn_scalar": 25, "hidden_activation": "gelu_pytorch_tanh", "hidden_act": "gelu_pytorch_tanh"})");
  EXPECT_EQ(config.attention_softcap, 50);
  EXPECT_EQ(config.logit_softcap, 30);
  EXPECT_EQ(config.attention_scale, 0.2);
  EXPECT_EQ(windows(config, 7), "w-w-w-w-");
  EXPECT_EQ(windows(parse("gemma2", with_types("").c_str()), 7), "w-----ww");
  EXPECT_EQ(config.layers[0].rope, config.layers[1].rope);
  json silent = base("gemma2");
  for (const char* key : {"attn_logit_softcapping", "final_logit_softcapping", "sliding_window", "head_dim"}) {
    json without = silent;
    without.erase(key);
    test::expect_error(ErrorKind::kInput, '"' + std::string(key) + "\" is missing",
                       [&] { parse_config("D", without.dump()); });
  }
  refuse("gemma2", R"({"attn_logit_softcapping": -1})", "must not be negative");
  refuse("gemma2", R"({"final_logit_softcapping": -1})", "must not be negative");
  refuse("gemma2", R"({"query_pre_attn_scalar": 0})", "\"query_pre_attn_scalar\" must be positive");
  refuse("gemma2", R"({"hidden_activation": "gelu"})", "\"hidden_activation\" is \"gelu\"; only");
  refuse("gemma2", R"({"use_bidirectional_attention": true})", "only causal attention");
}

TEST(ConfigFamily, Gemma3) {
  const ModelConfig config = parse("gemma3_text", R"({"sliding_window_pattern": 3, "rope_local_base_freq": 100.0,
    "rope_scaling": {"rope_type": "linear", "factor": 8.0}})");
  EXPECT_EQ(windows(config, 7), "ww-ww-ww");
  const RopeParameters global{.kind = RopeKind::kLinear, .n_dims = 12, .theta = 5000, .factor = 8};
  const RopeParameters local{.n_dims = 12, .theta = 100};
  for (size_t layer = 0; layer < 8; ++layer) EXPECT_EQ(config.layers[layer].rope, layer % 3 == 2 ? global : local);
  EXPECT_EQ(trained_context(config), 512U);
  // Absent keys mean a pattern of 6 and a local base of 10000; both spellings of the pattern occur.
  EXPECT_EQ(windows(parse("gemma3_text"), 7), "wwwww-ww");
  EXPECT_EQ(parse("gemma3_text").layers[0].rope.theta, 10000);
  EXPECT_EQ(windows(parse("gemma3_text", R"({"_sliding_window_pattern": 2})"), 7), "w-w-w-w-");
  // As transformers 5 writes it.
  const ModelConfig v5 = parse("gemma3_text", with_types(R"("rope_theta": null, "_sliding_window_pattern": 6,
    "rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 5000.0},
    "sliding_attention": {"rope_type": "default", "rope_theta": 100.0}}, )")
                                                  .c_str());
  EXPECT_EQ(windows(v5, 7), "w-----ww");
  EXPECT_EQ(v5.layers[0].rope, local);
  EXPECT_EQ(v5.layers[1].rope, global);
  refuse("gemma3_text", R"({"sliding_window_pattern": 0})", "\"sliding_window_pattern\" must not be 0");
  refuse("gemma3_text", R"({"sliding_window_pattern": 2, "_sliding_window_pattern": 3})", "contradicts");
  refuse("gemma3_text", R"({"sliding_window": null})", "\"sliding_window\" is missing");
  refuse("gemma3_text", R"({"rope_theta": null})", "\"rope_theta\" is missing");
  refuse("gemma3_text", R"({"rope_local_base_freq": 0})", "\"rope_local_base_freq\" is 0");
  refuse("gemma3_text", R"({"rope_parameters": {"full_attention": {"rope_theta": 1e6}}})",
         "\"full_attention\" and \"sliding_attention\" must stand there, and nothing else");
  refuse("gemma3_text", R"({"rope_parameters": {"full_attention": {"rope_theta": 1e6}, "sliding_attention": {}}})",
         "\"sliding_attention\": \"rope_theta\" is missing");
}

// Whether each layer rotates, as no_rope_layers says it.
std::string rotations(const ModelConfig& config) {
  std::string text;
  for (const LayerConfig& layer : config.layers) text += layer.rope.n_dims > 0 ? '1' : '0';
  return text;
}

TEST(ConfigFamily, SmolLm3) {
  EXPECT_EQ(rotations(parse("smollm3")), "11101110");
  EXPECT_EQ(rotations(parse("smollm3", R"({"no_rope_layer_interval": 3})")), "11011011");
  const char* const listed = R"({"no_rope_layers": [0, 1, 1, 1, 1, 1, 0, 1], "no_rope_layer_interval": 3,
    "sliding_window": 9, "use_sliding_window": true, "max_window_layers": 2, "pretraining_tp": 2})";
  EXPECT_EQ(rotations(parse("smollm3", listed)), "01111101");
  EXPECT_EQ(windows(parse("smollm3", listed), 9), "w-----w-");  // only layers that do not rotate slide
  EXPECT_EQ(windows(parse("smollm3", R"({"sliding_window": 9})"), 9), "--------");
  refuse("smollm3", R"({"no_rope_layers": [0, 1]})", "\"no_rope_layers\" must list one number per layer");
  refuse("smollm3", R"({"no_rope_layers": [0, 1, 1, 1, 1, 1, 0, 2]})", "\"no_rope_layers\" must hold 0 and 1");
  refuse("smollm3", R"({"no_rope_layers": [0, 1, 1, 1, 1, 1, 0, "1"]})", "\"no_rope_layers\" must hold 0 and 1");
  refuse("smollm3", R"({"no_rope_layer_interval": 0})", "\"no_rope_layer_interval\" must not be 0");
  refuse("smollm3", R"({"rope_theta": null})", "\"rope_theta\" is missing");
}

}  // namespace
}  // namespace proxima
