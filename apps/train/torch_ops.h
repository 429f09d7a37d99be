// SPDX-License-Identifier: MIT
// The parts of the differentiable forward pass but attention and loss. Each is an autograd function with a backward
// pass of its own, which keeps less and runs fewer passes over memory than composing them from LibTorch's. Any floating
// type, any device.
#pragma once

#include <ATen/core/Tensor.h>

namespace proxima {

// How products of matrices are computed: in the tensors' own type, or from inputs rounded to bf16 with float
// accumulation and a result rounded to bf16, for float tensors.
enum class ProductType { kOwn, kBf16 };

// x [..., in] weight^T + bias, weight [out, in], bias [out] or undefined.
at::Tensor torch_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, ProductType type);

// x / sqrt(mean(x^2) + eps) * weight over the last dimension.
at::Tensor torch_rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);

// x [B, T, n, d] -> [B, n, T, d], each head's pairs (i, i + d/2) turned; cosines and sines [T, d/2].
at::Tensor torch_rotate(const at::Tensor& x, const at::Tensor& cosines, const at::Tensor& sines);

// silu(gate) * up
at::Tensor torch_swiglu(const at::Tensor& gate, const at::Tensor& up);

}  // namespace proxima
