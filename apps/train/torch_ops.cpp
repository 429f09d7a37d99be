// SPDX-License-Identifier: MIT
#include "apps/train/torch_ops.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

namespace proxima {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::tensor_list;

at::Tensor rounded(const at::Tensor& x, bool bf16) {
  return bf16 ? x.to(at::kBFloat16) : x;
}

class Linear : public Function<Linear> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const c10::optional<at::Tensor>& bias, bool bf16) {
    const at::Tensor rows = rounded(x.reshape({-1, x.size(-1)}), bf16);
    const at::Tensor matrix = rounded(weight, bf16);
    context->save_for_backward({rows, matrix});
    context->saved_data["bias"] = bias.has_value();
    context->saved_data["bf16"] = bf16;
    auto shape = x.sizes().vec();
    shape.back() = weight.size(0);
    at::Tensor y = at::mm(rows, matrix.t());
    if (bf16) y = y.to(at::kFloat);
    if (bias) y.add_(*bias);
    return y.view(shape);
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &rows = saved[0], &matrix = saved[1], &gradient = gradients[0];
    const bool bf16 = context->saved_data["bf16"].toBool();
    const at::Tensor dy_full = gradient.reshape({-1, gradient.size(-1)});
    const at::Tensor dy = rounded(dy_full, bf16);
    at::Tensor dx, dw, db;
    if (context->needs_input_grad(0)) {
      auto shape = gradient.sizes().vec();
      shape.back() = matrix.size(1);
      dx = at::mm(dy, matrix).to(gradient.scalar_type()).view(shape);
    }
    if (context->needs_input_grad(1)) dw = at::mm(dy.t(), rows).to(gradient.scalar_type());
    if (context->saved_data["bias"].toBool() && context->needs_input_grad(2)) db = dy_full.sum(0);
    return {dx, dw, db, at::Tensor()};
  }
};

class RmsNorm : public Function<RmsNorm> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight, double eps) {
    const at::Tensor scale = at::mul(x, x).mean(-1, true).add_(eps).rsqrt_();
    context->save_for_backward({x, weight, scale});
    return at::mul(x, scale).mul_(weight);
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &scale = saved[2], &dy = gradients[0];
    const at::Tensor normed = at::mul(x, scale);
    at::Tensor dx, dw;
    if (context->needs_input_grad(1)) dw = at::mul(dy, normed).reshape({-1, dy.size(-1)}).sum(0);
    if (context->needs_input_grad(0)) {
      dx = at::mul(dy, weight);
      const at::Tensor mean = at::mul(dx, normed).mean(-1, true);
      dx.addcmul_(normed, mean, -1).mul_(scale);
    }
    return {dx, dw, at::Tensor()};
  }
};

// Into `to`, both [B, n, T, d].
void turn(const at::Tensor& from, const at::Tensor& cosines, const at::Tensor& sines, double sign,
          const at::Tensor& to) {
  const int64_t half = from.size(-1) / 2;
  const at::Tensor a = from.narrow(-1, 0, half), b = from.narrow(-1, half, half);
  at::Tensor to_a = to.narrow(-1, 0, half), to_b = to.narrow(-1, half, half);
  at::mul_out(to_a, a, cosines);
  to_a.addcmul_(b, sines, -sign);
  at::mul_out(to_b, b, cosines);
  to_b.addcmul_(a, sines, sign);
}

class Rotate : public Function<Rotate> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& cosines,
                            const at::Tensor& sines) {
    context->save_for_backward({cosines, sines});
    at::Tensor y = at::empty({x.size(0), x.size(2), x.size(1), x.size(3)}, x.options());
    turn(x.transpose(1, 2), cosines, sines, 1, y);
    return y;
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& dy = gradients[0];
    const at::Tensor dx = at::empty({dy.size(0), dy.size(2), dy.size(1), dy.size(3)}, dy.options());
    turn(dy, saved[0], saved[1], -1, dx.transpose(1, 2));
    return {dx, at::Tensor(), at::Tensor()};
  }
};

class SwiGlu : public Function<SwiGlu> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& gate, const at::Tensor& up) {
    context->save_for_backward({gate, up});
    return at::silu(gate).mul_(up);
  }

  // With s = sigmoid(gate): d silu = s (1 + gate (1 - s)) = s + silu (1 - s)
  static tensor_list backward(AutogradContext* context, const tensor_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &gate = saved[0], &up = saved[1], &dy = gradients[0];
    const at::Tensor s = at::sigmoid(gate);
    const at::Tensor silu = at::mul(gate, s);
    const at::Tensor d_up = at::mul(dy, silu);
    at::Tensor d_gate = at::mul(silu, s).neg_().add_(silu).add_(s);
    d_gate.mul_(dy).mul_(up);
    return {d_gate, d_up};
  }
};

}  // namespace

at::Tensor torch_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, ProductType type) {
  return Linear::apply(x, weight, bias.defined() ? c10::optional<at::Tensor>(bias) : c10::nullopt,
                       type == ProductType::kBf16 && x.scalar_type() == at::kFloat);
}

at::Tensor torch_rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  return RmsNorm::apply(x, weight, eps);
}

at::Tensor torch_rotate(const at::Tensor& x, const at::Tensor& cosines, const at::Tensor& sines) {
  return Rotate::apply(x, cosines, sines);
}

at::Tensor torch_swiglu(const at::Tensor& gate, const at::Tensor& up) {
  return SwiGlu::apply(gate, up);
}

}  // namespace proxima
