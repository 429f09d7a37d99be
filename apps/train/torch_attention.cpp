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

constexpr int64_t kLeastQueries = 16;

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
void scatter(const Piece& piece, const at::Tensor& gradient, const at::Tensor& own, const at::Tensor& distant) {
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

// The rows of a piece, heads of a group stacked: [n, G * C, d] of x [n, G, T, d].
at::Tensor rows_of(const Piece& piece, const at::Tensor& x) {
  return x.narrow(2, piece.begin, piece.end - piece.begin).reshape({x.size(0), -1, x.size(3)});
}

// Where such rows belong.
at::Tensor place_of(const Piece& piece, const at::Tensor& x) {
  return x.narrow(2, piece.begin, piece.end - piece.begin);
}

// Some KV heads with their query heads: queries, out [n, G, T, d], log_sums [n, G, T, 1], own, distant, values
// [n, T, d]; n is batch times KV heads.
struct Heads {
  at::Tensor queries, own, distant, values, log_sums, out;

  Heads narrow(int64_t first, int64_t count) const {
    return {queries.narrow(0, first, count), own.narrow(0, first, count),      distant.narrow(0, first, count),
            values.narrow(0, first, count),  log_sums.narrow(0, first, count), out.narrow(0, first, count)};
  }
  int64_t size() const { return own.size(0); }
  int64_t group() const { return queries.size(1); }
};

struct Gradients {
  at::Tensor queries, own, distant, values;

  Gradients narrow(int64_t first, int64_t count) const {
    return {queries.narrow(0, first, count), own.narrow(0, first, count), distant.narrow(0, first, count),
            values.narrow(0, first, count)};
  }
};

// Calls tile(piece, first head, number of heads), each with about pieces.tile() logits.
template <class Tile>
void for_tiles(const AttentionPieces& pieces, const Heads& heads, const Tile& tile) {
  for (const Piece& piece : pieces.all()) {
    const int64_t of_head = heads.group() * (piece.end - piece.begin) * piece.n_keys();
    const int64_t most = std::max<int64_t>(pieces.tile() / of_head, 1);
    for (int64_t first = 0; first < heads.size(); first += most) {
      tile(piece, first, std::min(most, heads.size() - first));
    }
  }
}

// Masked logits [n, G * C, n_keys], never rounded: a lookup is as sharp as they are exact. Queries are scaled already.
at::Tensor logits_of(const Piece& piece, const at::Tensor& queries, const at::Tensor& keys) {
  at::Tensor logits = at::bmm(queries, keys.transpose(1, 2));
  logits.view({logits.size(0), -1, piece.end - piece.begin, logits.size(2)})
      .narrow(3, piece.n_free, logits.size(2) - piece.n_free)
      .add_(piece.bias);
  return logits;
}

void attend(const Piece& piece, const Heads& heads, bool bf16) {
  at::Tensor p = logits_of(piece, rows_of(piece, heads.queries), gather(piece, heads.own, heads.distant));
  const at::Tensor max = p.amax(-1, true);
  p.sub_(max).exp_();
  const at::Tensor sum = p.sum(-1, true);
  const at::Tensor mixed = product(p, gather(piece, heads.values, heads.values), bf16).div_(sum);
  const at::Tensor out = place_of(piece, heads.out), log_sums = place_of(piece, heads.log_sums);
  out.copy_(mixed.view(out.sizes()));
  log_sums.copy_(max.add(at::log(sum)).view(log_sums.sizes()));
}

// The gradient of queries is that of the scaled ones.
void attend_back(const Piece& piece, const Heads& heads, const at::Tensor& d_out, const Gradients& gradients,
                 bool bf16) {
  const at::Tensor rows = rows_of(piece, heads.queries), keys = gather(piece, heads.own, heads.distant);
  const at::Tensor p = logits_of(piece, rows, keys).sub_(rows_of(piece, heads.log_sums)).exp_();
  const at::Tensor d_rows = rows_of(piece, d_out);
  const at::Tensor d_sum = at::mul(d_rows, rows_of(piece, heads.out)).sum(-1, true);
  scatter(piece, product(p.transpose(1, 2), d_rows, bf16), gradients.values, gradients.values);
  at::Tensor d_logits = product(d_rows, gather(piece, heads.values, heads.values).transpose(1, 2), bf16);
  d_logits.sub_(d_sum).mul_(p);
  const at::Tensor d_queries = place_of(piece, gradients.queries);
  d_queries.copy_(product(d_logits, keys, bf16).view(d_queries.sizes()));
  scatter(piece, product(d_logits.transpose(1, 2), rows, bf16), gradients.own, gradients.distant);
}

class Attention : public Function<Attention> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const c10::optional<at::Tensor>& shared,
                            const std::shared_ptr<const AttentionPieces>& pieces, double scale, bool bf16) {
    const int64_t batch = q.size(0), length = q.size(2), d = q.size(3);
    Heads heads;
    heads.queries = at::mul(q, scale).view({batch * k.size(1), q.size(1) / k.size(1), length, d});
    heads.own = k.reshape({-1, length, d});
    heads.distant = shared ? shared->reshape({-1, length, d}) : heads.own;
    heads.values = v.reshape({-1, length, d});
    heads.out = at::empty_like(heads.queries);
    heads.log_sums = at::empty({heads.size(), heads.group(), length, 1}, q.options());
    for_tiles(*pieces, heads, [&](const Piece& piece, int64_t first, int64_t count) {
      attend(piece, heads.narrow(first, count), bf16);
    });
    context->save_for_backward(
        {heads.queries, heads.own, shared ? heads.distant : at::Tensor(), heads.values, heads.log_sums, heads.out});
    context->saved_data["pieces"] = c10::IValue::make_capsule(c10::intrusive_ptr<Keeper>::make(pieces));
    context->saved_data["scale"] = scale;
    context->saved_data["bf16"] = bf16;
    context->saved_data["batch"] = batch;
    return heads.out.view(q.sizes()).transpose(1, 2).reshape({batch, length, -1});
  }

  static tensor_list backward(AutogradContext* context, const tensor_list& gradients) {
    const auto saved = context->get_saved_variables();
    const bool shares = saved[2].defined();
    const Heads heads{saved[0], saved[1], shares ? saved[2] : saved[1], saved[3], saved[4], saved[5]};
    const bool bf16 = context->saved_data["bf16"].toBool();
    const int64_t batch = context->saved_data["batch"].toInt(), length = heads.own.size(1), d = heads.own.size(2);
    const auto pieces = context->saved_data["pieces"].toCapsule();
    const at::Tensor d_out = gradients[0].view({batch, length, -1, d}).transpose(1, 2).reshape(heads.out.sizes());
    Gradients sums{at::empty_like(heads.queries), at::zeros_like(heads.own), {}, at::zeros_like(heads.values)};
    sums.distant = shares ? at::zeros_like(heads.distant) : sums.own;
    for_tiles(*static_cast<const Keeper&>(*pieces).pieces, heads,
              [&](const Piece& piece, int64_t first, int64_t count) {
                attend_back(piece, heads.narrow(first, count), d_out.narrow(0, first, count), sums.narrow(first, count),
                            bf16);
              });
    const auto by_batch = [&](const at::Tensor& x) { return x.view({batch, -1, length, d}); };
    return {by_batch(sums.queries.mul_(context->saved_data["scale"].toDouble())),
            by_batch(sums.own),
            by_batch(sums.values),
            shares ? by_batch(sums.distant) : at::Tensor(),
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

AttentionPieces::AttentionPieces(size_t length, size_t ns, size_t nr, size_t n_grouped, size_t piece,
                                 const at::TensorOptions& options, size_t tile)
    : tile_(static_cast<int64_t>(tile)) {
  const auto total = static_cast<int64_t>(length), most = static_cast<int64_t>(piece),
             group = static_cast<int64_t>(n_grouped);
  // Beyond the length the two make no difference, and sums stay in range.
  const auto n_first = static_cast<int64_t>(std::min(ns, length)),
             n_recent = static_cast<int64_t>(std::min(nr, length));
  std::map<std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t>, at::Tensor> known;
  for (int64_t begin = 0; begin < total; begin = pieces_.back().end) {
    const int64_t step = std::min(most, std::max(kLeastQueries, tile_ / (group * (begin + most))));
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
