// SPDX-License-Identifier: MIT
#include "test/tiny_families.h"

namespace proxima::test {
namespace {

constexpr const char* kTheta = R"("rope_theta": 5000.0)";

TinyModelOptions small(const char* family, size_t layers, uint64_t seed) {
  TinyModelOptions options{.hidden = 32, .layers = layers, .head_dim = 8, .intermediate = 40, .vocab = 50};
  options.model_type = family;
  options.dtype = DType::kBF16;
  options.rope_json = kTheta;
  options.header_padding = 1;
  options.seed = seed;
  return options;
}

}  // namespace

std::vector<TinyModelOptions> tiny_families(uint64_t seed) {
  TinyModelOptions llama = small("llama", 4, seed);
  llama.attention_bias = llama.mlp_bias = true;
  llama.rope_json = R"("rope_theta": 5000.0, "rope_scaling": {"rope_type": "llama3", "factor": 8.0,
 "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64})";

  TinyModelOptions mistral = small("mistral", 4, seed);
  mistral.family_json = R"("sliding_window": 60, )";

  // Two layers that see everything, two with a window.
  TinyModelOptions qwen2 = small("qwen2", 4, seed);
  qwen2.tied = true;
  qwen2.family_json = R"("sliding_window": 150, "use_sliding_window": true, "max_window_layers": 2, )";
  qwen2.rope_json = R"("rope_theta": 5000.0, "rope_scaling": {"type": "yarn", "factor": 4.0,
 "original_max_position_embeddings": 256})";

  TinyModelOptions qwen3 = small("qwen3", 4, seed);
  qwen3.head_dim = 10;

  TinyModelOptions phi3 = small("phi3", 4, seed);
  phi3.family_json = R"("sliding_window": 2047, "original_max_position_embeddings": 64, )";
  phi3.rope_json = R"("partial_rotary_factor": 0.75, "rope_theta": 5000.0, "rope_scaling": {"type": "longrope",
 "short_factor": [1.0, 1.25, 1.5], "long_factor": [1.0, 2.5, 7.0]})";

  TinyModelOptions gemma2 = small("gemma2", 4, seed);
  gemma2.tied = true;
  gemma2.family_json = R"("sliding_window": 33, "attn_logit_softcapping": 5.0, "final_logit_softcapping": 3.0,
 "query_pre_attn_scalar": 6, "layer_types": ["sliding_attention", "sliding_attention", "full_attention",
 "full_attention"], )";

  // Local, local, global, local, local; rotations differ too.
  TinyModelOptions gemma3 = small("gemma3_text", 5, seed);
  gemma3.tied = true;
  gemma3.kv_heads = 1;
  gemma3.family_json = R"("sliding_window": 100, "sliding_window_pattern": 3, "query_pre_attn_scalar": 6,
 "rope_local_base_freq": 100.0, )";
  gemma3.rope_json = R"("rope_theta": 5000.0, "rope_scaling": {"rope_type": "linear", "factor": 8.0})";

  // The third layer does not rotate: another class without another window.
  TinyModelOptions smollm3 = small("smollm3", 5, seed);
  smollm3.family_json = R"("no_rope_layer_interval": 3, )";

  return {llama, mistral, qwen2, qwen3, phi3, gemma2, gemma3, smollm3};
}

}  // namespace proxima::test
