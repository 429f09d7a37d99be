// SPDX-License-Identifier: MIT
// AdamW (Loshchilov and Hutter, arXiv 1711.05101) over one flat vector.
#pragma once

#include <ATen/core/Tensor.h>

#include "apps/train/train_settings.h"

namespace proxima {

class FlatAdamW {
 public:
  // The first n_decayed numbers decay.
  FlatAdamW(const TrainSettings& settings, const at::Tensor& weights, int64_t n_decayed);

  // Clips the gradient in place, takes a step (counted from 1) and returns the norm before clipping.
  double step(at::Tensor& weights, at::Tensor& gradient, size_t step, double learning_rate);

  at::Tensor& mean() { return mean_; }
  at::Tensor& square() { return square_; }

 private:
  const TrainSettings& settings_;
  int64_t n_decayed_;
  at::Tensor mean_, square_;  // of gradients, running
};

}  // namespace proxima
