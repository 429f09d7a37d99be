// SPDX-License-Identifier: MIT
#include "model/point_layout.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/error.h"
#include "core/quote.h"

namespace proxima {
namespace {

// Heads of a point that is kept head-major; 0 for the others.
size_t heads_of(Point point, const ModelConfig& config) {
  if (point == Point::kQRope) return config.n_heads;
  if (point == Point::kKRope) return config.n_kv_heads;
  return 0;
}

size_t columns_of(Point point, const ModelConfig& config) {
  switch (point) {
    case Point::kQ:
    case Point::kQRope:
      return config.n_heads * config.head_dim;
    case Point::kK:
    case Point::kV:
    case Point::kKRope:
      return config.n_kv_heads * config.head_dim;
    case Point::kLogits:
      return config.vocab;
    default:
      return config.hidden;
  }
}

}  // namespace

std::vector<NamedPoint> all_points(const ModelConfig& config) {
  std::vector<NamedPoint> points = {{Point::kEmbed, 0}};
  for (size_t layer = 0; layer < config.n_layers; ++layer) {
    for (auto point = static_cast<int>(Point::kAttnNorm); point <= static_cast<int>(Point::kResidPost); ++point) {
      points.push_back({static_cast<Point>(point), layer});
    }
  }
  points.push_back({Point::kFinalNorm, 0});
  points.push_back({Point::kLogits, 0});
  return points;
}

bool matches_glob(std::string_view pattern, std::string_view name) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == name;
  if (name.substr(0, star) != pattern.substr(0, star)) return false;
  const std::string_view rest = pattern.substr(star + 1);
  for (size_t begin = star; begin <= name.size(); ++begin) {
    if (matches_glob(rest, name.substr(begin))) return true;
  }
  return false;
}

std::vector<std::string> split_patterns(std::string_view patterns) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= patterns.size();) {
    const size_t end = std::min(patterns.find(',', begin), patterns.size());
    if (end == begin) fail(ErrorKind::kUsage, "--points {}: an empty name", quote(patterns));
    parts.emplace_back(patterns.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::vector<NamedPoint> points_matching(const ModelConfig& config, std::string_view patterns) {
  const std::vector<NamedPoint> all = all_points(config);
  std::vector<NamedPoint> chosen;
  for (const std::string& pattern : split_patterns(patterns)) {
    bool found = false;
    for (const NamedPoint& point : all) {
      if (!matches_glob(pattern, point.name())) continue;
      found = true;
      if (std::ranges::find(chosen, point) == chosen.end()) chosen.push_back(point);
    }
    if (!found) {
      fail(ErrorKind::kUsage, "--points: nothing matches {}; `proxima dump --list` shows all names", quote(pattern));
    }
  }
  return chosen;
}

std::vector<size_t> point_shape(Point point, const ModelConfig& config, const CaptureRange& range) {
  if (point == Point::kAttnScores) return {config.n_heads, range.end - range.first_score_row(), range.n_tokens};
  const size_t heads = heads_of(point, config);
  if (heads > 0) return {heads, range.n_rows(), config.head_dim};
  return {range.n_rows(), columns_of(point, config)};
}

PointCapture::PointCapture(const ModelConfig& config, const std::vector<NamedPoint>& points, const CaptureRange& range,
                           Put put)
    : config_(config), wanted_(points.begin(), points.end()), range_(range), put_(std::move(put)) {}

bool PointCapture::wants_scores(size_t layer, size_t query) const {
  return query >= range_.first_score_row() && query < range_.end && wants(Point::kAttnScores, layer);
}

void PointCapture::observe(const Observation& seen) {
  if (!wants(seen.point, seen.layer)) return;
  if (seen.point == Point::kAttnScores) return put_scores(seen);
  const size_t first = std::max(seen.first_position, range_.first);
  const size_t end = std::min(seen.first_position + seen.n_rows, range_.end);
  if (first >= end) return;
  if (heads_of(seen.point, config_) > 0) return put_by_heads(seen, first, end);
  const size_t row = seen.n_columns * dtype_bytes(seen.dtype);
  put_({seen.point, seen.layer}, (first - range_.first) * row,
       static_cast<const std::byte*>(seen.data) + (first - seen.first_position) * row, (end - first) * row);
}

// [n_heads, query + 1] into [n_heads, score rows, n_tokens].
void PointCapture::put_scores(const Observation& seen) {
  const size_t element = dtype_bytes(seen.dtype);
  const size_t used = seen.n_columns * element;
  const size_t n_rows = range_.end - range_.first_score_row();
  const size_t row = seen.first_position - range_.first_score_row();
  for (size_t head = 0; head < seen.n_rows; ++head) {
    gathered_.assign(range_.n_tokens * element, std::byte{0});
    std::memcpy(gathered_.data(), static_cast<const std::byte*>(seen.data) + head * used, used);
    put_({seen.point, seen.layer}, (head * n_rows + row) * gathered_.size(), gathered_.data(), gathered_.size());
  }
}

// [rows, heads * head_dim] into [heads, rows, head_dim].
void PointCapture::put_by_heads(const Observation& seen, size_t first, size_t end) {
  const size_t heads = heads_of(seen.point, config_);
  const size_t row = config_.head_dim * dtype_bytes(seen.dtype);
  gathered_.resize((end - first) * row);
  for (size_t head = 0; head < heads; ++head) {
    const auto* source =
        static_cast<const std::byte*>(seen.data) + ((first - seen.first_position) * heads + head) * row;
    for (size_t t = 0; t < end - first; ++t) std::memcpy(gathered_.data() + t * row, source + t * heads * row, row);
    put_({seen.point, seen.layer}, (head * range_.n_rows() + first - range_.first) * row, gathered_.data(),
         gathered_.size());
  }
}

}  // namespace proxima
