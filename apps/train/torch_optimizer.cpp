// SPDX-License-Identifier: MIT
#include "apps/train/torch_optimizer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace proxima {
namespace {

constexpr int64_t kBlock = 1 << 15;  // numbers whose five vectors stay in a core's cache

}  // namespace

FlatAdamW::FlatAdamW(const TrainSettings& settings, const at::Tensor& weights, int64_t n_decayed)
    : settings_(settings), n_decayed_(n_decayed), mean_(at::zeros_like(weights)), square_(at::zeros_like(weights)) {}

double FlatAdamW::step(at::Tensor& weights, at::Tensor& gradient, size_t step, double learning_rate) {
  const at::NoGradGuard no_gradients;
  const double norm = gradient.norm().item<double>();
  const double scale = settings_.clip > 0 && norm > settings_.clip ? settings_.clip / norm : 1;
  const double unbias1 = 1 - std::pow(settings_.beta1, static_cast<double>(step));
  const double unbias2 = 1 - std::pow(settings_.beta2, static_cast<double>(step));
  if (n_decayed_ > 0) weights.narrow(0, 0, n_decayed_).mul_(1 - learning_rate * settings_.weight_decay);
  for (int64_t first = 0; first < weights.numel(); first += kBlock) {
    const int64_t count = std::min(kBlock, weights.numel() - first);
    at::Tensor g = gradient.narrow(0, first, count), m = mean_.narrow(0, first, count),
               v = square_.narrow(0, first, count);
    if (scale != 1) g.mul_(scale);
    m.mul_(settings_.beta1).add_(g, 1 - settings_.beta1);
    v.mul_(settings_.beta2).addcmul_(g, g, 1 - settings_.beta2);
    const at::Tensor root = at::div(v, unbias2).sqrt_().add_(settings_.epsilon);
    weights.narrow(0, first, count).addcdiv_(m, root, -learning_rate / unbias1);
  }
  return norm;
}

}  // namespace proxima
