// SPDX-License-Identifier: MIT
#include "apps/train/torch_llama.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/error.h"

namespace proxima {
namespace {

constexpr std::array<std::string_view, 5> kFamilies = {"llama", "mistral", "qwen2", "qwen3", "smollm3"};

void require(bool supported, const ModelConfig& config, std::string_view what) {
  if (supported) return;
  fail(ErrorKind::kInput,
       "the trainer does not know {} (model type \"{}\"): it trains models of Llama's kind (llama, mistral, qwen2, "
       "qwen3, smollm3) without sliding windows and soft-caps",
       what, config.model_type);
}

void check(const ModelConfig& config) {
  require(std::ranges::find(kFamilies, config.model_type) != kFamilies.end(), config, "this family");
  require(config.activation == Activation::kSilu, config, "this activation");
  require(!config.post_norms && config.norm_offset == 0 && config.embed_scale == 1, config, "its norms");
  require(config.attention_softcap == 0 && config.logit_softcap == 0, config, "soft-caps");
  for (const LayerConfig& layer : config.layers) {
    require(layer.window >= config.max_position, config, "sliding windows");
    require(layer.rope.n_dims == config.head_dim || layer.rope.n_dims == 0, config, "partial rotation");
    const RopeKind kind = layer.rope.kind;
    require(kind == RopeKind::kDefault || kind == RopeKind::kLinear || kind == RopeKind::kLlama3, config,
            "this RoPE scaling");
  }
}

// Llama 3.1: wavelengths beyond the trained context are stretched, short ones kept, those between blended.
double llama3_frequency(const RopeParameters& rope, double frequency) {
  const double turns = static_cast<double>(rope.original_max_position) * frequency / (2 * std::numbers::pi);
  const double kept =
      std::clamp((turns - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor), 0.0, 1.0);
  return frequency * (kept + (1 - kept) / rope.factor);
}

double frequency(const RopeParameters& rope, size_t pair) {
  const double plain =
      std::exp(-std::log(rope.theta) * 2 * static_cast<double>(pair) / static_cast<double>(rope.n_dims));
  if (rope.kind == RopeKind::kLinear) return plain / rope.factor;
  return rope.kind == RopeKind::kLlama3 ? llama3_frequency(rope, plain) : plain;
}

int64_t signed_size(size_t n) {
  return static_cast<int64_t>(n);
}

}  // namespace

struct TorchLlama::Layer {
  const WeightOf& weights;
  size_t index;

  at::Tensor weight(const std::string& name) const {
    return weights("model.layers." + std::to_string(index) + "." + name);
  }
};

TorchLlama::TorchLlama(const ModelConfig& config, const LlamaOptions& options) : config_(config), options_(options) {
  check(config);
}

at::Tensor TorchLlama::hidden(const WeightOf& weights, const at::Tensor& ids, const SharingMap* map,
                              const at::Tensor& positions) const {
  const auto width = signed_size(config_.hidden);
  at::Tensor x = at::embedding(weights("model.embed_tokens.weight"), ids.flatten()).view({ids.size(0), -1, width});
  Keys keys;
  Angles turn;
  for (size_t index = 0; index < config_.n_layers; ++index) {
    const Layer layer{weights, index};
    if (index == 0 || config_.layers[index].rope != config_.layers[index - 1].rope) {
      turn = positions.defined() ? angles(index, positions, x)
                                 : angles_of_neighbours(index, static_cast<size_t>(x.size(1)), x);
    }
    x = x + attention(layer, x, map, turn, keys);
    const at::Tensor normed = torch_rms_norm(x, layer.weight("post_attention_layernorm.weight"), config_.rms_norm_eps);
    const auto linear = [&](const char* name, const at::Tensor& from) {
      const std::string prefix = "mlp." + std::string(name);
      return torch_linear(from, layer.weight(prefix + ".weight"),
                          config_.mlp_bias ? layer.weight(prefix + ".bias") : at::Tensor(), options_.products);
    };
    x = x + linear("down_proj", torch_swiglu(linear("gate_proj", normed), linear("up_proj", normed)));
  }
  return torch_rms_norm(x, weights("model.norm.weight"), config_.rms_norm_eps).view({-1, width});
}

at::Tensor TorchLlama::head(const WeightOf& weights) const {
  return weights(config_.tie_embeddings ? "model.embed_tokens.weight" : "lm_head.weight");
}

// [B, T, n_heads, head_dim], with bias and norm where the family has them.
at::Tensor TorchLlama::heads(const Layer& layer, const char* name, const at::Tensor& x, size_t n_heads) const {
  const std::string prefix = "self_attn." + std::string(name);
  const at::Tensor rows =
      torch_linear(x, layer.weight(prefix + "_proj.weight"),
                   config_.qkv_bias ? layer.weight(prefix + "_proj.bias") : at::Tensor(), options_.products)
          .view({x.size(0), x.size(1), signed_size(n_heads), signed_size(config_.head_dim)});
  if (!config_.qk_norm || name[0] == 'v') return rows;
  return torch_rms_norm(rows, layer.weight(prefix + "_norm.weight"), config_.rms_norm_eps);
}

at::Tensor TorchLlama::attention(const Layer& layer, const at::Tensor& x, const SharingMap* map, const Angles& turn,
                                 Keys& keys) const {
  const at::Tensor normed = torch_rms_norm(x, layer.weight("input_layernorm.weight"), config_.rms_norm_eps);
  const auto rotated = [&](const at::Tensor& rows) {
    return turn.cosines.defined() ? torch_rotate(rows, turn.cosines, turn.sines) : rows.transpose(1, 2).contiguous();
  };
  const at::Tensor q = rotated(heads(layer, "q", normed, config_.n_heads));
  keys.push_back(rotated(heads(layer, "k", normed, config_.n_kv_heads)));
  const at::Tensor v = heads(layer, "v", normed, config_.n_kv_heads).transpose(1, 2).contiguous();
  const at::Tensor shared = shared_keys(layer.index, map, keys);
  const at::Tensor mixed = torch_attention(q, keys.back(), v, shared,
                                           pieces(static_cast<size_t>(x.size(1)), shared.defined() ? map : nullptr, x),
                                           config_.attention_scale, options_.attention);
  return torch_linear(mixed, layer.weight("self_attn.o_proj.weight"),
                      config_.o_bias ? layer.weight("self_attn.o_proj.bias") : at::Tensor(), options_.products);
}

// The keys that distant tokens have in this layer; undefined where all heads use their own.
at::Tensor TorchLlama::shared_keys(size_t layer, const SharingMap* map, const Keys& keys) const {
  if (map == nullptr) return {};
  std::vector<size_t> donors;
  for (size_t head = 0; head < config_.n_kv_heads; ++head) donors.push_back(map->lowest(layer, head));
  if (std::ranges::all_of(donors, [&](size_t donor) { return donor == layer; })) return {};
  if (std::ranges::all_of(donors, [&](size_t donor) { return donor == donors[0]; })) return keys[donors[0]];
  std::vector<at::Tensor> parts;
  for (size_t head = 0; head < donors.size(); ++head) parts.push_back(keys[donors[head]].select(1, signed_size(head)));
  return at::stack(parts, 1);
}

std::shared_ptr<const AttentionPieces> TorchLlama::pieces(size_t length, const SharingMap* map,
                                                          const at::Tensor& like) const {
  const size_t ns = map == nullptr ? 0 : map->ns, nr = map == nullptr ? length : map->nr;
  const std::lock_guard lock(mutex_);
  auto& found = pieces_[{length, ns, nr}];
  if (!found)
    found = std::make_shared<AttentionPieces>(length, ns, nr, config_.n_heads / config_.n_kv_heads, options_.piece,
                                              like.options());
  return found;
}

// In double, rounded once.
TorchLlama::Angles TorchLlama::angles(size_t layer, const at::Tensor& positions, const at::Tensor& like) const {
  const RopeParameters& rope = config_.layers[layer].rope;
  if (rope.n_dims == 0) return {};
  const at::Tensor frequencies = at::empty({signed_size(rope.n_dims / 2)}, at::kDouble);
  for (size_t pair = 0; pair < rope.n_dims / 2; ++pair) frequencies.data_ptr<double>()[pair] = frequency(rope, pair);
  const at::Tensor turned = at::mul(positions.unsqueeze(-1), frequencies).unsqueeze(1);
  return {at::cos(turned).to(like.options()), at::sin(turned).to(like.options())};
}

TorchLlama::Angles TorchLlama::angles_of_neighbours(size_t layer, size_t length, const at::Tensor& like) const {
  const RopeParameters& rope = config_.layers[layer].rope;
  const auto first = std::ranges::find(config_.layers, rope, &LayerConfig::rope) - config_.layers.begin();
  const std::lock_guard lock(mutex_);
  Angles& found = angles_[{static_cast<size_t>(first), length}];
  if (!found.cosines.defined()) {
    found = angles(layer, at::arange(signed_size(length), at::kDouble).unsqueeze(0), like);
  }
  return found;
}

}  // namespace proxima
