// SPDX-License-Identifier: MIT
// Causal attention with PoD's mixed logits (one softmax over own and shared keys, arXiv 2412.02252), differentiable.
// Queries are taken in pieces; nothing of size T x T is kept: the backward pass computes each piece's probabilities
// again. Blocks of keys that no query of a piece sees are never computed.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "apps/train/torch_ops.h"

namespace proxima {

// Which keys the queries of each piece see; made once for a length and used by every layer.
class AttentionPieces {
 public:
  // The first ns keys and the last nr (the query's own included) are a layer's own, those between are shared. Dense
  // layers use nr = length. A piece has at most `piece` queries, fewer where keys are many, so that the logits of
  // n_grouped query heads stay in a core's cache.
  AttentionPieces(size_t length, size_t ns, size_t nr, size_t n_grouped, size_t piece, const at::TensorOptions& options,
                  size_t tile = kTile);
  static constexpr size_t kTile = size_t{1} << 20;

  // Queries [begin, end) see keys in this order: own [0, n_first), shared [n_first, distant_end), own [recent_begin,
  // end). To the logits of all but the first n_free of them bias [end - begin, n_keys - n_free] is added: 0 or -inf.
  struct Piece {
    int64_t begin, end;
    int64_t n_first, distant_end, recent_begin;
    int64_t n_free;
    at::Tensor bias;

    int64_t n_distant() const { return distant_end - n_first; }
    int64_t n_recent() const { return end - recent_begin; }
    int64_t n_keys() const { return n_first + n_distant() + n_recent(); }
  };
  const std::vector<Piece>& all() const { return pieces_; }
  int64_t tile() const { return tile_; }  // logits computed at a time, about

 private:
  std::vector<Piece> pieces_;
  int64_t tile_;
};

// q [B, n_heads, T, d], k and v [B, n_kv_heads, T, d], shared as k or undefined (then nothing may be distant in
// `pieces`). Query head x uses KV head x / (n_heads / n_kv_heads). Returns [B, T, n_heads * d].
at::Tensor torch_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& shared,
                           std::shared_ptr<const AttentionPieces> pieces, double scale, ProductType type);

}  // namespace proxima
