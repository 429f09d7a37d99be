// SPDX-License-Identifier: MIT
// A model's weights as the forward pass in T uses them: matrices in place as they are stored, norms and biases widened
// once.
#pragma once

#include <vector>

#include "core/aligned.h"
#include "core/compute.h"
#include "core/products.h"
#include "model/weights.h"

namespace proxima {

template <class T>
struct WorkingLinear {
  Matrix w;
  std::vector<T> bias;  // empty where there is none

  Product<T> into(AlignedVector<T>& y) const { return {w, bias.empty() ? nullptr : bias.data(), y.data()}; }
};

template <class T>
struct WorkingLayer {  // norms that a family does not have are empty
  std::vector<T> attn_norm;
  WorkingLinear<T> q, k, v;
  std::vector<T> q_norm, k_norm;
  WorkingLinear<T> o;
  std::vector<T> attn_post_norm, mlp_norm;
  WorkingLinear<T> gate, up, down;
  std::vector<T> mlp_post_norm;
};

// The model must outlive it.
template <class T>
class WorkingWeights {
 public:
  WorkingWeights(const Model& model, const Arithmetic<T>& arithmetic)
      : arithmetic_(arithmetic), norm_offset_(static_cast<T>(model.config.norm_offset)) {
    for (const LayerWeights& layer : model.weights.layers) {
      layers.push_back({norm_of(layer.attn_norm), linear_of(layer.q), linear_of(layer.k), linear_of(layer.v),
                        norm_of(layer.q_norm), norm_of(layer.k_norm), linear_of(layer.o), norm_of(layer.attn_post_norm),
                        norm_of(layer.mlp_norm), linear_of(layer.gate), linear_of(layer.up), linear_of(layer.down),
                        norm_of(layer.mlp_post_norm)});
    }
    final_norm = norm_of(model.weights.final_norm);
    lm_head = linear_of(model.weights.lm_head);
  }

  std::vector<WorkingLayer<T>> layers;
  std::vector<T> final_norm;
  WorkingLinear<T> lm_head;

 private:
  std::vector<T> vector_of(const TensorView& view) const {
    std::vector<T> values(view.empty() ? 0 : view.n_elements());
    if (!view.empty()) arithmetic_.widen(view.data, view.dtype, values.size(), values.data());
    return values;
  }
  std::vector<T> norm_of(const TensorView& view) const {
    auto weight = vector_of(view);
    for (T& w : weight) w += norm_offset_;
    return weight;
  }
  WorkingLinear<T> linear_of(const LinearWeights& weights) const {
    Matrix w = Matrix::from(weights.weight);
    w.int8 = weights.int8;
    return {w, vector_of(weights.bias)};
  }

  const Arithmetic<T>& arithmetic_;
  T norm_offset_;
};

}  // namespace proxima
