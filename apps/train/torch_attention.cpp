// SPDX-License-Identifier: MIT
#include "apps/train/torch_attention.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

namespace proxima {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::tensor_list;
using Piece = AttentionPieces::Piece;

// Of a piece whose queries see distant keys.
void place_distant(Piece& piece, int64_t ns, int64_t nr) {
  piece.n_first = ns;
  piece.distant_end = piece.end - nr;
  piece.recent_begin = std::max(ns, piece.begin - nr + 1);
  const int64_t seen_by_all = std::max<int64_t>(std::min(piece.distant_end, piece.begin - nr + 1) - ns, 0);
  piece.n_free = piece.begin + 1 < ns ? 0 : ns + seen_by_all;
}

at::Tensor bias_of(const Piece& piece, int64_t nr, const at::TensorOptions& options) {
  const int64_t n_queries = piece.end - piece.begin, n_keys = piece.n_keys();
  const at::Tensor bias = at::zeros({n_queries, n_keys - piece.n_free}, at::kDouble);
  auto values = bias.accessor<double, 2>();
  for (int64_t row = 0; row < n_queries; ++row) {
    const int64_t query = piece.begin + row;
    for (int64_t column = piece.n_free; column < n_keys; ++column) {
      const bool distant = column >= piece.n_first && column < piece.distant_end;
      const int64_t key = column < piece.distant_end ? column : piece.recent_begin + column - piece.distant_end;
      const bool first = column < piece.n_first;
      const bool seen = key <= query && (first || distant == (key <= query - nr));
      if (!seen) values[row][column - piece.n_free] = -std::numeric_limits<double>::infinity();
    }
  }
  return bias.to(options);
}

// Keys or values of a piece, in its order: [B * H, n_keys, d] from own and shared [B * H, T, d].
at::Tensor gather(const Piece& piece, const at::Tensor& own, const at::Tensor& distant) {
  if (piece.n_distant() == 0 && piece.n_first == 0) return own.narrow(1, piece.recent_begin, piece.n_recent());
  return at::cat({own.narrow(1, 0, piece.n_first), distant.narrow(1, piece.n_first, piece.n_distant()),
                  own.narrow(1, piece.recent_begin, piece.n_recent())},
                 1);
}

// Adds gradients of gathered rows to where they came from.
void scatter(const Piece& piece, const at::Tensor& gradient, at::Tensor& own, at::Tensor& distant) {
  own.narrow(1, 0, piece.n_first).add_(gradient.narrow(1, 0, piece.n_first));
  if (piece.n_distant() > 0) {
    distant.narrow(1, piece.n_first, piece.n_distant()).add_(gradient.narrow(1, piece.n_first, piece.n_distant()));
  }
  own.narrow(1, piece.recent_begin, piece.n_recent())
      .add_(gradient.narrow(1, piece.n_first + piece.n_distant(), piece.n_recent()));
}

at::Tensor product(const at::Tensor& a, const at::Tensor& b, bool bf16) {
  if (!bf16) return at::bmm(a, b);
  return at::bmm(a.to(at::kBFloat16), b.to(at::kBFloat16)).to(at::kFloat);
}

// x [B, n_heads, T, d] as [B * H, G, T, d].
at::Tensor grouped(const at::Tensor& x, int64_t n_kv_heads) {
  return x.view({x.size(0) * n_kv_heads, x.size(1) / n_kv_heads, x.size(2), x.size(3)});
}

// The rows of a piece, heads of a group stacked: [B * H, G * C, d].
at::Tensor rows_of(const Piece& piece, const at::Tensor& x) {
  return x.narrow(2, piece.begin, piece.end - piece.begin).reshape({x.size(0), -1, x.size(3)});
}

// Masked logits [B * H, G * C, n_keys]; queries are scaled already.
at::Tensor logits_of(const Piece& piece, const at::Tensor& queries, const at::Tensor& keys, bool bf16) {
  at::Tensor logits = product(queries, keys.transpose(1, 2), bf16);
  const int64_t n_queries = piece.end - piece.begin;
  logits.view({logits.size(0), -1, n_queries, logits.size(2)})
      .narrow(3, piece.n_free, logits.size(2) - piece.n_free)
      .add_(piece.bias);
  return logits;
}

class Attention : public Function<Attention> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const c10::optional<at::Tensor>& borrowed,
                            const std::shared_ptr<const AttentionPieces>& pieces, double scale, bool bf16) {
    const at::Tensor shared = borrowed.value_or(at::Tensor());
    const int64_t batch = q.size(0), n_heads = q.size(1), length = q.size(2), d = q.size(3), n_kv = k.size(1);
    const at::Tensor queries = grouped(q, n_kv), own = k.reshape({-1, length, d}), values = v.reshape({-1, length, d});
    const at::Tensor distant = shared.defined() ? shared.reshape({-1, length, d}) : own;
    const at::Tensor out = at::empty({batch, length, n_heads, d}, q.options());
    const at::Tensor log_sums = at::empty({batch * n_kv, n_heads / n_kv, length, 1}, q.options());
    for (const Piece& piece : pieces->all()) {
      const int64_t n = piece.end - piece.begin;
      at::Tensor p = logits_of(piece, rows_of(piece, queries).mul(scale), gather(piece, own, distant), bf16);
      const at::Tensor max = p.amax(-1, true);
      p.sub_(max).exp_();
      const at::Tensor sum = p.sum(-1, true);
      const at::Tensor mixed = product(p, gather(piece, values, values), bf16).div_(sum);
      log_sums.narrow(2, piece.begin, n).copy_(max.add(at::log(sum)).view({-1, n_heads / n_kv, n, 1}));
      out.narrow(1, piece.begin, n).copy_(mixed.view({batch, n_heads, n, d}).transpose(1, 2));
    }
    context->save_for_backward({q, k, v, shared, log_sums, out});
    context->saved_data["pieces"] = c10::IValue::make_capsule(c10::intrusive_ptr<Keeper>::make(pieces));
    context->saved_data["scale"] = scale;
    context->saved_data["bf16"] = bf16;
    return out.view({batch, length, n_heads * d});
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2], &shared = saved[3], &log_sums = saved[4],
                     &out = saved[5];
    const double scale = context->saved_data["scale"].toDouble();
    const bool bf16 = context->saved_data["bf16"].toBool();
    const auto keeper = context->saved_data["pieces"].toCapsule();
    const int64_t n_heads = q.size(1), length = q.size(2), d = q.size(3), n_kv = k.size(1);
    const at::Tensor queries = grouped(q, n_kv), own = k.reshape({-1, length, d}), values = v.reshape({-1, length, d});
    const at::Tensor distant = shared.defined() ? shared.reshape({-1, length, d}) : own;
    const at::Tensor d_out = gradients[0].reshape(out.sizes());
    const at::Tensor d_q = at::empty_like(q), d_queries = grouped(d_q, n_kv);
    at::Tensor d_own = at::zeros_like(own), d_values = at::zeros_like(values);
    at::Tensor d_distant = shared.defined() ? at::zeros_like(distant) : d_own;
    const auto heads_first = [&](const Piece& piece, const at::Tensor& x) {
      return x.narrow(1, piece.begin, piece.end - piece.begin).transpose(1, 2).reshape({own.size(0), -1, x.size(3)});
    };
    for (const Piece& piece : static_cast<const Keeper&>(*keeper).pieces->all()) {
      const at::Tensor rows = rows_of(piece, queries).mul(scale), keys = gather(piece, own, distant);
      const at::Tensor p = logits_of(piece, rows, keys, bf16).sub_(rows_of(piece, log_sums)).exp_();
      const at::Tensor d_rows = heads_first(piece, d_out);
      const at::Tensor d_sum = at::mul(d_rows, heads_first(piece, out)).sum(-1, true);
      scatter(piece, product(p.transpose(1, 2), d_rows, bf16), d_values, d_values);
      at::Tensor d_logits = product(d_rows, gather(piece, values, values).transpose(1, 2), bf16);
      d_logits.sub_(d_sum).mul_(p);
      d_queries.narrow(2, piece.begin, piece.end - piece.begin)
          .copy_(product(d_logits, keys, bf16)
                     .mul_(scale)
                     .view({own.size(0), n_heads / n_kv, piece.end - piece.begin, d}));
      scatter(piece, product(d_logits.transpose(1, 2), rows, bf16), d_own, d_distant);
    }
    return {d_q,
            d_own.view(k.sizes()),
            d_values.view(v.sizes()),
            shared.defined() ? d_distant.view(shared.sizes()) : at::Tensor(),
            at::Tensor(),
            at::Tensor(),
            at::Tensor()};
  }

 private:
  struct Keeper : torch::CustomClassHolder {
    explicit Keeper(std::shared_ptr<const AttentionPieces> kept) : pieces(std::move(kept)) {}
    std::shared_ptr<const AttentionPieces> pieces;
  };
};

}  // namespace

AttentionPieces::AttentionPieces(size_t length, size_t ns, size_t nr, size_t piece, const at::TensorOptions& options) {
  const auto total = static_cast<int64_t>(length), step = static_cast<int64_t>(piece);
  // Beyond the length the two make no difference, and sums stay in range.
  const auto n_first = static_cast<int64_t>(std::min(ns, length)),
             n_recent = static_cast<int64_t>(std::min(nr, length));
  std::map<std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t>, at::Tensor> known;
  for (int64_t begin = 0; begin < total; begin += step) {
    Piece one{begin, std::min(begin + step, total), 0, 0, 0, begin, {}};
    const bool has_distant = one.end - 1 >= n_first + n_recent;
    if (has_distant) place_distant(one, n_first, n_recent);
    // Pieces that look alike from their first query share a bias.
    at::Tensor& bias =
        known[{one.end - one.begin, one.n_keys() - one.n_free, has_distant ? one.recent_begin - one.begin : 0,
               has_distant && one.n_free < one.n_first ? one.begin : -1, has_distant}];
    if (!bias.defined()) bias = bias_of(one, has_distant ? n_recent : total, options);
    one.bias = bias;
    pieces_.push_back(one);
  }
}

at::Tensor torch_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& shared,
                           std::shared_ptr<const AttentionPieces> pieces, double scale, ProductType type) {
  return Attention::apply(q, k, v, shared.defined() ? c10::optional<at::Tensor>(shared) : c10::nullopt, pieces, scale,
                          type == ProductType::kBf16 && q.scalar_type() == at::kFloat);
}

}  // namespace proxima
