// SPDX-License-Identifier: MIT
// The training loss, computed together with its gradients a few hundred rows at a time: logits of a whole batch never
// exist. Rows without weight cost nothing.
#pragma once

#include <ATen/core/Tensor.h>

#include "apps/train/torch_ops.h"

namespace proxima {

struct LossRequest {
  at::Tensor targets;         // [N] int64: the token to be predicted after each row
  at::Tensor weights;         // [N], in the rows' type, at least 0
  double truth = 1;           // share of the next token's cross-entropy
  double teacher = 0;         // share of KL(teacher || student)
  at::Tensor teacher_hidden;  // [N, width], where teacher > 0
  at::Tensor teacher_head;    // [vocab, width]
  ProductType type = ProductType::kOwn;
};

struct LossReport {    // of rows with weight, in their order; no gradients
  at::Tensor rows;     // [n] int64
  at::Tensor entropy;  // [n] cross-entropy with the next token
  at::Tensor kl;       // [n] where teacher > 0
  at::Tensor correct;  // [n] bool: the next token is the most probable one
};

// The weighted sum over rows of truth * cross-entropy + teacher * KL, for logits hidden head^T; hidden [N, width], head
// [vocab, width].
at::Tensor torch_loss(const at::Tensor& hidden, const at::Tensor& head, const LossRequest& request, LossReport& report);

}  // namespace proxima
