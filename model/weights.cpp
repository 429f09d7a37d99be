// SPDX-License-Identifier: MIT
#include "model/weights.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/quote.h"
#include "model/problem_list.h"

namespace proxima {

namespace {

constexpr const char* kEmbed = "model.embed_tokens.weight";
constexpr const char* kHead = "lm_head.weight";

// Converters of 2023 stored RoPE's inverse frequencies beside the weights. They are a rounded copy of what the config
// says: the reference computes them from the config and skips the stored ones, and so does this runtime.
bool is_redundant(std::string_view name) {
  return name.starts_with("model.") && name.ends_with("rotary_emb.inv_freq");
}

bool is_weight_type(DType dtype) {
  return dtype == DType::kBF16 || dtype == DType::kF16 || dtype == DType::kF32;
}

// Hands out the checkpoint's tensors by name and keeps account of everything that does not fit.
class Binder {
 public:
  explicit Binder(const Checkpoint& checkpoint) : checkpoint_(checkpoint) {}

  TensorView take(const std::string& name, const std::vector<size_t>& shape) {
    taken_.insert(name);
    const auto found = checkpoint_.tensors().find(name);
    if (found == checkpoint_.tensors().end()) {
      problems_.add("missing", name);
      return {};
    }
    const TensorView& view = found->second;
    if (view.shape != shape) {
      problems_.add("of another shape than config.json implies",
                    fmt::format("{} [{}] for [{}]", name, fmt::join(view.shape, ", "), fmt::join(shape, ", ")));
    }
    if (!is_weight_type(view.dtype)) {
      problems_.add("of an unsupported dtype (BF16, F16, F32 are)", fmt::format("{} {}", name, dtype_name(view.dtype)));
    }
    return view;
  }

  LinearWeights take_linear(const std::string& name, size_t n_out, size_t n_in, bool bias) {
    LinearWeights linear;
    linear.weight = take(name + ".weight", {n_out, n_in});
    if (bias) linear.bias = take(name + ".bias", {n_out});
    return linear;
  }

  // Throws if anything was wrong; tensors nobody took count as wrong.
  void check(bool head_may_remain) {
    for (const auto& [name, view] : checkpoint_.tensors()) {
      if (taken_.contains(name) || is_redundant(name) || (head_may_remain && name == kHead)) continue;
      problems_.add("unexpected", quote(name));
    }
    if (problems_.empty()) return;
    const auto dir = checkpoint_.files().front().path().parent_path();
    fail(ErrorKind::kInput, "{}: the tensors do not fit config.json: {}", dir.string(), problems_.summary());
  }

 private:
  const Checkpoint& checkpoint_;
  std::set<std::string, std::less<>> taken_;
  ProblemList problems_;
};

// Rows [first, first + n_rows) of a stored linear layer.
LinearWeights slice(const LinearWeights& fused, size_t first, size_t n_rows) {
  LinearWeights part = fused;
  if (fused.weight.empty()) return part;
  part.weight.shape[0] = n_rows;
  part.weight.data += first * fused.weight.shape[1] * dtype_bytes(fused.weight.dtype);
  return part;
}

void take_attention(Binder& binder, const ModelConfig& config, const std::string& prefix, LayerWeights& weights) {
  const size_t q_width = config.n_heads * config.head_dim;
  const size_t kv_width = config.n_kv_heads * config.head_dim;
  if (config.model_type == "phi3") {
    const auto fused = binder.take_linear(prefix + "qkv_proj", q_width + 2 * kv_width, config.hidden, false);
    weights.q = slice(fused, 0, q_width);
    weights.k = slice(fused, q_width, kv_width);
    weights.v = slice(fused, q_width + kv_width, kv_width);
  } else {
    weights.q = binder.take_linear(prefix + "q_proj", q_width, config.hidden, config.qkv_bias);
    weights.k = binder.take_linear(prefix + "k_proj", kv_width, config.hidden, config.qkv_bias);
    weights.v = binder.take_linear(prefix + "v_proj", kv_width, config.hidden, config.qkv_bias);
  }
  if (config.qk_norm) {
    weights.q_norm = binder.take(prefix + "q_norm.weight", {config.head_dim});
    weights.k_norm = binder.take(prefix + "k_norm.weight", {config.head_dim});
  }
  weights.o = binder.take_linear(prefix + "o_proj", config.hidden, q_width, config.o_bias);
}

void take_mlp(Binder& binder, const ModelConfig& config, const std::string& prefix, LayerWeights& weights) {
  if (config.model_type == "phi3") {
    const auto fused = binder.take_linear(prefix + "gate_up_proj", 2 * config.intermediate, config.hidden, false);
    weights.gate = slice(fused, 0, config.intermediate);
    weights.up = slice(fused, config.intermediate, config.intermediate);
  } else {
    weights.gate = binder.take_linear(prefix + "gate_proj", config.intermediate, config.hidden, config.mlp_bias);
    weights.up = binder.take_linear(prefix + "up_proj", config.intermediate, config.hidden, config.mlp_bias);
  }
  weights.down = binder.take_linear(prefix + "down_proj", config.hidden, config.intermediate, config.mlp_bias);
}

LayerWeights take_layer(Binder& binder, const ModelConfig& config, size_t layer) {
  const std::string prefix = fmt::format("model.layers.{}.", layer);
  const auto take_norm = [&](const char* name) {
    return binder.take(fmt::format("{}{}.weight", prefix, name), {config.hidden});
  };
  LayerWeights weights;
  weights.attn_norm = take_norm("input_layernorm");
  take_attention(binder, config, prefix + "self_attn.", weights);
  if (config.post_norms) {
    weights.attn_post_norm = take_norm("post_attention_layernorm");
    weights.mlp_norm = take_norm("pre_feedforward_layernorm");
    weights.mlp_post_norm = take_norm("post_feedforward_layernorm");
  } else {
    weights.mlp_norm = take_norm("post_attention_layernorm");
  }
  take_mlp(binder, config, prefix + "mlp.", weights);
  return weights;
}

// Some writers store a tied head a second time. A head that differs was trained apart, whatever the config says.
void check_tied_head(const Checkpoint& checkpoint, const TensorView& embed) {
  const auto found = checkpoint.tensors().find(kHead);
  if (found == checkpoint.tensors().end()) return;
  const TensorView& head = found->second;
  if (head.dtype != embed.dtype || head.shape != embed.shape ||
      std::memcmp(head.data, embed.data, embed.n_bytes()) != 0) {
    const auto dir = checkpoint.files().front().path().parent_path();
    fail(ErrorKind::kInput,
         "{}: {} differs from {} although config.json ties them: set \"tie_word_embeddings\" to false or remove {}",
         dir.string(), kHead, kEmbed, kHead);
  }
}

}  // namespace

Weights bind_weights(const ModelConfig& config, const Checkpoint& checkpoint) {
  Binder binder(checkpoint);
  Weights weights;
  weights.embed = binder.take(kEmbed, {config.vocab, config.hidden});
  for (size_t layer = 0; layer < config.n_layers; ++layer) {
    weights.layers.push_back(take_layer(binder, config, layer));
  }
  weights.final_norm = binder.take("model.norm.weight", {config.hidden});
  if (config.tie_embeddings) {
    weights.lm_head.weight = weights.embed;
  } else {
    weights.lm_head.weight = binder.take(kHead, {config.vocab, config.hidden});
  }
  binder.check(config.tie_embeddings);
  if (config.tie_embeddings) check_tied_head(checkpoint, weights.embed);
  return weights;
}

Model open_model(const std::filesystem::path& dir) {
  ModelConfig config = read_config(dir);
  Checkpoint checkpoint(dir);
  Weights weights = bind_weights(config, checkpoint);
  return {dir, std::move(config), std::move(checkpoint), std::move(weights), {}};
}

}  // namespace proxima
