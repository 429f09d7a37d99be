// SPDX-License-Identifier: MIT
// One differentiable forward pass for models of Llama's kind, with PoD attention: written from the formulas over
// LibTorch's tensors, any floating type, any device. It shares no arithmetic with model/transformer.cpp, so that each
// is the other's test.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <tuple>

#include "apps/train/torch_attention.h"
#include "kvcache/sharing_map.h"
#include "model/config.h"

namespace proxima {

// Tensors under the names of the checkpoint ("model.layers.0.self_attn.q_proj.weight"); undefined where it has none.
using WeightOf = std::function<at::Tensor(const std::string& name)>;

struct LlamaOptions {
  ProductType products = ProductType::kOwn;
  ProductType attention = ProductType::kOwn;  // its products but the logits
  size_t piece = 64;                          // queries of attention computed at a time
};

class TorchLlama {
 public:
  // Throws Error(kInput) naming what the trainer does not know: another family, sliding windows, soft-caps ...
  TorchLlama(const ModelConfig& config, const LlamaOptions& options);

  // ids [B, T] int64. The rows that lm_head multiplies: [B * T, hidden], after the final norm. Dense where map is null.
  // positions [B, T] double: what tokens are rotated by, 0, 1, 2, ... where it is undefined. May be called by several
  // threads at once.
  at::Tensor hidden(const WeightOf& weights, const at::Tensor& ids, const SharingMap* map,
                    const at::Tensor& positions = {}) const;
  // lm_head.weight, or the embeddings where the two are tied.
  at::Tensor head(const WeightOf& weights) const;

 private:
  struct Layer;
  using Keys = std::vector<at::Tensor>;  // [n_layers] of [B, n_kv_heads, T, head_dim], rotated
  struct Angles {
    at::Tensor cosines, sines;  // [B or 1, 1, T, head_dim / 2]; undefined for layers that do not rotate
  };

  at::Tensor attention(const Layer& layer, const at::Tensor& x, const SharingMap* map, const Angles& turn,
                       Keys& keys) const;
  at::Tensor shared_keys(size_t layer, const SharingMap* map, const Keys& keys) const;
  at::Tensor heads(const Layer& layer, const char* name, const at::Tensor& x, size_t n_heads) const;
  std::shared_ptr<const AttentionPieces> pieces(size_t length, const SharingMap* map, const at::Tensor& like) const;
  Angles angles(size_t layer, const at::Tensor& positions, const at::Tensor& like) const;
  Angles angles_of_neighbours(size_t layer, size_t length, const at::Tensor& like) const;

  ModelConfig config_;
  LlamaOptions options_;
  mutable std::mutex mutex_;  // of what follows: made once for a length
  mutable std::map<std::tuple<size_t, size_t, size_t>, std::shared_ptr<const AttentionPieces>> pieces_;
  mutable std::map<std::pair<size_t, size_t>, Angles> angles_;  // of (first layer of such parameters, length)
};

}  // namespace proxima
