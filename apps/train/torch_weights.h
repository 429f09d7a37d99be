// SPDX-License-Identifier: MIT
// A model's weights as LibTorch tensors: which of them are trained, as one flat vector with a gradient and an optimizer
// state beside it, and the way from and to safetensors.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/train/torch_llama.h"
#include "apps/train/train_settings.h"
#include "core/safetensors.h"
#include "model/weights.h"

namespace proxima {

class TorchWeights {
 public:
  // All tensors of the model, every one trained, or with `lora` only the two small factors beside each target matrix.
  // Throws Error(kInput) for what the trainer does not know.
  TorchWeights(const Model& model, const std::optional<LoraSettings>& lora, uint64_t seed, at::ScalarType type);
  // Random: matrices and embeddings normal with this deviation (products that are added to the residual stream divided
  // by sqrt(2 n_layers)), norms 1, biases 0.
  TorchWeights(const ModelConfig& config, double deviation, uint64_t seed, at::ScalarType type);

  // What the forward pass uses: W, or W + alpha / rank B A.
  WeightOf weight_of() const;
  // The same without what has been trained since; only with LoRA, where the weights themselves never change.
  WeightOf frozen() const;

  // The trained tensors, one after the other, those that decay (matrices but for embeddings) first.
  at::Tensor& flat() { return flat_; }
  int64_t n_decayed() const { return n_decayed_; }
  // Views of it, with gradients, in the same order.
  const std::vector<at::Tensor>& leaves() const { return leaves_; }
  const std::vector<std::string>& leaf_names() const { return leaf_names_; }

  // Writes the whole model, LoRA merged, as one safetensors file of BF16 or F32.
  void write(const std::filesystem::path& path, DType dtype) const;

 private:
  struct Named {
    std::string name;
    at::Tensor values;
  };
  void train(std::vector<Named> trained, at::ScalarType type);
  void add_lora(const LoraSettings& lora, uint64_t seed, at::ScalarType type);

  ModelConfig config_;
  double lora_scale_ = 0;
  std::map<std::string, at::Tensor> frozen_;
  at::Tensor flat_;
  int64_t n_decayed_ = 0;
  std::vector<at::Tensor> leaves_;
  std::vector<std::string> leaf_names_;
  std::map<std::string, at::Tensor> trained_;  // leaves by name
};

// Names and shapes of a model's tensors, in the order of the forward pass.
std::vector<TensorSpec> llama_tensors(const ModelConfig& config);

}  // namespace proxima
