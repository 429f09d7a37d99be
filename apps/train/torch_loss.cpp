// SPDX-License-Identifier: MIT
#include "apps/train/torch_loss.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <vector>

namespace proxima {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::tensor_list;

constexpr int64_t kRows = 256;

at::Tensor product(const at::Tensor& a, const at::Tensor& b, bool bf16) {
  if (!bf16) return at::mm(a, b);
  return at::mm(a.to(at::kBFloat16), b.to(at::kBFloat16)).to(at::kFloat);
}

// logits -> log-probabilities, in place.
at::Tensor& normalize(at::Tensor& logits) {
  return logits.sub_(logits.logsumexp(-1, true));
}

// Makes gradients already here, where the logits are, for a loss whose own gradient is 1 as a rule.
class Loss : public Function<Loss> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& hidden, const at::Tensor& head,
                            const LossRequest* request, LossReport* report, bool wants_gradients) {
    const bool bf16 = request->type == ProductType::kBf16 && hidden.scalar_type() == at::kFloat;
    report->rows = request->weights.nonzero().flatten();
    const int64_t n = report->rows.size(0);
    const at::Tensor x = hidden.index_select(0, report->rows), y = request->targets.index_select(0, report->rows);
    const at::Tensor w = request->weights.index_select(0, report->rows).unsqueeze(1);
    const at::Tensor matrix = bf16 ? head.to(at::kBFloat16) : head;
    const at::Tensor teacher_matrix =
        bf16 && request->teacher > 0 ? request->teacher_head.to(at::kBFloat16) : request->teacher_head;
    const at::Tensor teacher_x =
        request->teacher > 0 ? request->teacher_hidden.index_select(0, report->rows) : at::Tensor();
    report->entropy = at::empty({n}, x.options());
    report->correct = at::empty({n}, x.options().dtype(at::kBool));
    if (request->teacher > 0) report->kl = at::empty({n}, x.options());
    at::Tensor d_x, d_head;
    if (wants_gradients) d_x = at::empty_like(x), d_head = at::zeros_like(head);
    for (int64_t first = 0; first < n; first += kRows) {
      const int64_t count = std::min(kRows, n - first);
      const at::Tensor rows = x.narrow(0, first, count), truth = y.narrow(0, first, count).unsqueeze(1);
      at::Tensor logits = product(rows, matrix.t(), bf16);
      report->correct.narrow(0, first, count).copy_(at::eq(logits.argmax(-1), truth.squeeze(1)));
      normalize(logits);
      report->entropy.narrow(0, first, count).copy_(at::gather(logits, 1, truth).squeeze(1).neg());
      at::Tensor teacher;
      if (request->teacher > 0) {
        teacher = product(teacher_x.narrow(0, first, count), teacher_matrix.t(), bf16);
        normalize(teacher);
        const at::Tensor distance = at::sub(teacher, logits);
        teacher.exp_();
        report->kl.narrow(0, first, count).copy_(distance.mul_(teacher).sum(-1));
      }
      if (!wants_gradients) continue;
      // truth * (p - onehot) + teacher * (p - p_teacher)
      at::Tensor d_logits = logits.exp_().mul_(request->truth + request->teacher);
      if (teacher.defined()) d_logits.sub_(teacher, request->teacher);
      d_logits.scatter_add_(1, truth, at::full({count, 1}, -request->truth, x.options()));
      d_logits.mul_(w.narrow(0, first, count));
      const at::Tensor rounded = bf16 ? d_logits.to(at::kBFloat16) : d_logits;
      d_x.narrow(0, first, count).copy_(at::mm(rounded, matrix));
      if (bf16) {
        d_head.add_(at::mm(rounded.t(), rows.to(at::kBFloat16)));
      } else {
        d_head.addmm_(rounded.t(), rows);
      }
    }
    if (wants_gradients) {
      context->save_for_backward({at::zeros_like(hidden).index_copy_(0, report->rows, d_x), d_head});
    }
    at::Tensor loss = at::mul(report->entropy, request->truth);
    if (request->teacher > 0) loss.add_(report->kl, request->teacher);
    return loss.mul_(w.squeeze(1)).sum();
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& gradients) {
    const auto saved = context->get_saved_variables();
    return {saved[0].mul(gradients[0]), saved[1].mul(gradients[0]), at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor torch_loss(const at::Tensor& hidden, const at::Tensor& head, const LossRequest& request,
                      LossReport& report) {
  const bool wants_gradients = at::GradMode::is_enabled() && (hidden.requires_grad() || head.requires_grad());
  return Loss::apply(hidden, head, &request, &report, wants_gradients);
}

}  // namespace proxima
