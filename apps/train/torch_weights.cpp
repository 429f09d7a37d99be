// SPDX-License-Identifier: MIT
#include "apps/train/torch_weights.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "apps/eval/random_stream.h"
#include "core/dtype.h"
#include "core/error.h"

namespace proxima {
namespace {

constexpr const char* kLoraA = ".lora_A";
constexpr const char* kLoraB = ".lora_B";

std::vector<int64_t> torch_shape(const std::vector<size_t>& shape) {
  return {shape.begin(), shape.end()};
}

at::ScalarType torch_type(DType dtype) {
  switch (dtype) {
    case DType::kBF16:
      return at::kBFloat16;
    case DType::kF16:
      return at::kHalf;
    case DType::kF64:
      return at::kDouble;
    default:
      return at::kFloat;
  }
}

at::Tensor tensor_of(const TensorView& view, at::ScalarType type) {
  const at::Tensor stored = at::empty(torch_shape(view.shape), torch_type(view.dtype));
  std::memcpy(stored.data_ptr(), view.data, view.n_bytes());
  return stored.to(type);
}

bool decays(const std::string& name, const at::Tensor& values) {
  return values.dim() == 2 && name != "model.embed_tokens.weight";
}

// Each tensor has a stream of its own, so that its numbers do not depend on what else the model has.
at::Tensor normal(const std::string& name, const std::vector<int64_t>& shape, double deviation, uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(RandomStream(seed, name).next());
  return at::normal(0.0, deviation, shape, generator, at::TensorOptions(at::kDouble));
}

// Rotated, these biases make a head prefer tokens at some distances, whatever they are. Begun at 0 they stay there
// long, since each is worth something only with the other; begun random, heads that look at the token before come twice
// as fast.
constexpr double kBiasDeviation = 1;
bool steers_attention(const std::string& name) {
  return name.ends_with("q_proj.bias") || name.ends_with("k_proj.bias");
}

}  // namespace

std::vector<TensorSpec> llama_tensors(const ModelConfig& config) {
  const size_t q_width = config.n_heads * config.head_dim, kv_width = config.n_kv_heads * config.head_dim;
  std::vector<TensorSpec> specs = {{"model.embed_tokens.weight", DType::kF32, {config.vocab, config.hidden}}};
  for (size_t layer = 0; layer < config.n_layers; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    const auto add = [&](const std::string& name, std::vector<size_t> shape) {
      specs.push_back({prefix + name, DType::kF32, std::move(shape)});
    };
    const auto linear = [&](const std::string& name, size_t out, size_t in, bool bias) {
      add(name + ".weight", {out, in});
      if (bias) add(name + ".bias", {out});
    };
    add("input_layernorm.weight", {config.hidden});
    linear("self_attn.q_proj", q_width, config.hidden, config.qkv_bias);
    linear("self_attn.k_proj", kv_width, config.hidden, config.qkv_bias);
    linear("self_attn.v_proj", kv_width, config.hidden, config.qkv_bias);
    if (config.qk_norm) {
      add("self_attn.q_norm.weight", {config.head_dim});
      add("self_attn.k_norm.weight", {config.head_dim});
    }
    linear("self_attn.o_proj", config.hidden, q_width, config.o_bias);
    add("post_attention_layernorm.weight", {config.hidden});
    linear("mlp.gate_proj", config.intermediate, config.hidden, config.mlp_bias);
    linear("mlp.up_proj", config.intermediate, config.hidden, config.mlp_bias);
    linear("mlp.down_proj", config.hidden, config.intermediate, config.mlp_bias);
  }
  specs.push_back({"model.norm.weight", DType::kF32, {config.hidden}});
  if (!config.tie_embeddings) specs.push_back({"lm_head.weight", DType::kF32, {config.vocab, config.hidden}});
  return specs;
}

TorchWeights::TorchWeights(const Model& model, const std::optional<LoraSettings>& lora, uint64_t seed,
                           at::ScalarType type)
    : config_(model.config) {
  std::vector<Named> all;
  for (const TensorSpec& spec : llama_tensors(config_)) {
    const auto found = model.checkpoint.tensors().find(spec.name);
    if (found == model.checkpoint.tensors().end()) {
      fail(ErrorKind::kInput, "{}: holds no {}, which the trainer expects", model.dir.string(), spec.name);
    }
    all.push_back({spec.name, tensor_of(found->second, type)});
  }
  if (lora) {
    for (Named& each : all) frozen_[each.name] = std::move(each.values);
    add_lora(*lora, seed, type);
  } else {
    train(std::move(all), type);
  }
}

TorchWeights::TorchWeights(const ModelConfig& config, double deviation, uint64_t seed, at::ScalarType type)
    : config_(config) {
  std::vector<Named> all;
  for (const TensorSpec& spec : llama_tensors(config)) {
    const auto shape = torch_shape(spec.shape);
    const bool to_residual = spec.name.ends_with("o_proj.weight") || spec.name.ends_with("down_proj.weight");
    const double spread = to_residual ? deviation / std::sqrt(2.0 * static_cast<double>(config.n_layers)) : deviation;
    all.push_back({spec.name, spec.name.ends_with("norm.weight") ? at::ones(shape, at::kDouble)
                              : steers_attention(spec.name)      ? normal(spec.name, shape, kBiasDeviation, seed)
                              : spec.name.ends_with(".bias")     ? at::zeros(shape, at::kDouble)
                                                                 : normal(spec.name, shape, spread, seed)});
  }
  train(std::move(all), type);
}

// A begins random, B zero: at first nothing changes.
void TorchWeights::add_lora(const LoraSettings& lora, uint64_t seed, at::ScalarType type) {
  lora_scale_ = lora.alpha / static_cast<double>(lora.rank);
  const auto rank = static_cast<int64_t>(lora.rank);
  std::vector<Named> factors;
  for (const auto& [name, values] : frozen_) {
    const auto is_target = [&, whole = name](const std::string& module) {
      return whole.ends_with("." + module + ".weight");
    };
    if (std::ranges::none_of(lora.modules, is_target)) continue;
    const double deviation = 1 / std::sqrt(static_cast<double>(values.size(1)));
    factors.push_back({name + kLoraA, normal(name + kLoraA, {rank, values.size(1)}, deviation, seed)});
    factors.push_back({name + kLoraB, at::zeros({values.size(0), rank}, at::kDouble)});
  }
  train(std::move(factors), type);
}

void TorchWeights::train(std::vector<Named> trained, at::ScalarType type) {
  std::ranges::stable_partition(trained, [](const Named& each) { return decays(each.name, each.values); });
  int64_t total = 0;
  for (const Named& each : trained) total += each.values.numel();
  flat_ = at::empty({total}, type);
  int64_t offset = 0;
  for (const Named& each : trained) {
    const at::Tensor place = flat_.narrow(0, offset, each.values.numel());
    place.copy_(each.values.flatten());
    offset += each.values.numel();
    if (decays(each.name, each.values)) n_decayed_ = offset;
    leaves_.push_back(place.view(each.values.sizes()).detach().requires_grad_());
    leaf_names_.push_back(each.name);
    trained_[each.name] = leaves_.back();
  }
}

WeightOf TorchWeights::weight_of() const {
  if (frozen_.empty()) return [this](const std::string& name) { return trained_.at(name); };
  return [this](const std::string& name) {
    const at::Tensor& weight = frozen_.at(name);
    const auto a = trained_.find(name + kLoraA);
    if (a == trained_.end()) return weight;
    return at::add(weight, at::mm(trained_.at(name + kLoraB), a->second), lora_scale_);
  };
}

WeightOf TorchWeights::frozen() const {
  return [this](const std::string& name) { return frozen_.at(name); };
}

void TorchWeights::write(const std::filesystem::path& path, DType dtype) const {
  const at::NoGradGuard no_gradients;
  auto specs = llama_tensors(config_);
  for (TensorSpec& spec : specs) spec.dtype = dtype;
  SafetensorsWriter writer(path, specs, {{"format", "pt"}});
  const WeightOf weight = weight_of();
  for (const TensorSpec& spec : specs) {
    const at::Tensor values = weight(spec.name).to(torch_type(dtype)).contiguous();
    writer.write(spec.name, 0, values.data_ptr(), values.nbytes());
  }
  writer.finish();
}

}  // namespace proxima
