// SPDX-License-Identifier: MIT
// How observed tensors look outside the forward pass, in files and to callers: their names, which of them a pattern
// means, one shape each, and an observer that brings what it sees into that shape.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/config.h"
#include "model/observer.h"

namespace proxima {

struct NamedPoint {
  Point point = Point::kEmbed;
  size_t layer = 0;  // 0 for points outside the layers

  std::string name() const { return full_point_name(point, layer); }
  auto operator<=>(const NamedPoint&) const = default;
};

// In the order of computation.
std::vector<NamedPoint> all_points(const ModelConfig& config);

// Whether `name` matches a pattern in which * stands for any text, as in layers.*.resid_post.
bool matches_glob(std::string_view pattern, std::string_view name);
// At the commas. Throws Error(kUsage) where one is empty.
std::vector<std::string> split_patterns(std::string_view patterns);
// The points that any of the patterns means, each once. Throws Error(kUsage) for a pattern that means none.
std::vector<NamedPoint> points_matching(const ModelConfig& config, std::string_view patterns);

// Which positions of a sequence are kept: [first, end), and the attention probabilities of the last score_rows of them.
struct CaptureRange {
  size_t n_tokens = 0;  // of the sequence
  size_t first = 0;
  size_t end = 0;
  size_t score_rows = 0;

  static CaptureRange whole(size_t n_tokens) { return {n_tokens, 0, n_tokens, n_tokens}; }
  size_t n_rows() const { return end - first; }
  size_t first_score_row() const { return score_rows < n_rows() ? end - score_rows : first; }
};

// [rows, columns], but [heads, rows, head_dim] for q_rope and k_rope, and [n_heads, score rows, n_tokens] for
// attn.scores, zero beyond the query.
std::vector<size_t> point_shape(Point point, const ModelConfig& config, const CaptureRange& range);

// Hands each piece of a chosen tensor to `put`, once, with its place in the tensor.
class PointCapture final : public Observer {
 public:
  // `offset` counts bytes from the tensor's first element; elements are F64 in f64 mode and F32 otherwise.
  using Put = std::function<void(const NamedPoint&, size_t offset, const std::byte* data, size_t n_bytes)>;

  PointCapture(const ModelConfig& config, const std::vector<NamedPoint>& points, const CaptureRange& range, Put put);

  bool wants(Point point, size_t layer) const override { return wanted_.contains({point, layer}); }
  bool wants_scores(size_t layer, size_t query) const override;
  void observe(const Observation& seen) override;

 private:
  void put_scores(const Observation& seen);
  void put_by_heads(const Observation& seen, size_t first, size_t end);

  ModelConfig config_;
  std::set<NamedPoint> wanted_;
  CaptureRange range_;
  Put put_;
  std::vector<std::byte> gathered_;  // rows of one head
};

}  // namespace proxima
