// SPDX-License-Identifier: MIT
// The forward pass names its tensors and hands each to an optional observer: dumping, exploring, finding the first NaN
// and statistics are observers, not edits of the forward pass.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/dtype.h"

namespace proxima {

// In the order of computation. kEmbed, kFinalNorm and kLogits happen once, the others in every layer. Rows are
// positions, but for kAttnScores, which comes query by query.
enum class Point {
  kEmbed,       // [T, hidden], after any scaling
  kAttnNorm,    // [T, hidden]
  kQ,           // [T, n_heads * head_dim], after bias, before RoPE
  kK,           // [T, n_kv_heads * head_dim], likewise
  kV,           // [T, n_kv_heads * head_dim], likewise
  kQRope,       // [T, n_heads * head_dim], rotated
  kKRope,       // [T, n_kv_heads * head_dim], the layer's own keys, rotated, before they are stored
  kAttnScores,  // [n_heads, query + 1], the softmax probabilities of one query (see Observer::wants_scores)
  kAttnOut,     // [T, hidden], after o_proj
  kResidMid,    // [T, hidden]
  kMlpOut,      // [T, hidden]
  kResidPost,   // [T, hidden]
  kFinalNorm,   // [T, hidden]: Hugging Face's last hidden state
  kLogits,      // [T, vocab]
};

constexpr std::array<std::string_view, 14> kPointNames = {
    "embed",       "attn_norm", "q",         "k",       "v",          "q_rope",     "k_rope",
    "attn.scores", "attn_out",  "resid_mid", "mlp_out", "resid_post", "final_norm", "logits"};

constexpr std::string_view point_name(Point point) {
  return kPointNames[static_cast<size_t>(point)];
}
constexpr bool is_layer_point(Point point) {
  return point != Point::kEmbed && point != Point::kFinalNorm && point != Point::kLogits;
}
// "layers.3.resid_post", "logits"
std::string full_point_name(Point point, size_t layer);

// Rows of a named tensor of the positions first_position, ...: dense, F64 in f64 mode and F32 otherwise.
struct Observation {
  Point point;
  size_t layer;           // 0 for points outside the layers
  size_t first_position;  // of the rows; kAttnScores: of the query
  size_t n_rows;
  size_t n_columns;
  DType dtype;
  const void* data;  // valid during the call only
};

class Observer {
 public:
  virtual ~Observer() = default;
  virtual bool wants(Point point, size_t layer) const = 0;
  // Whether to hand over the attention probabilities of a query; they cost a second pass over its keys.
  virtual bool wants_scores(size_t /*layer*/, size_t /*query*/) const { return false; }
  virtual void observe(const Observation& observation) = 0;
};

}  // namespace proxima
