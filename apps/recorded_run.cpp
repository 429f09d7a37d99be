// SPDX-License-Identifier: MIT
#include "apps/recorded_run.h"

#include <algorithm>
#include <cstring>

#include "apps/interrupt.h"
#include "core/error.h"
#include "model/generator.h"

namespace proxima {
namespace {

double element(const RowsView& rows, size_t index) {
  if (rows.dtype == DType::kF64) {
    double x;
    std::memcpy(&x, rows.data + index * sizeof x, sizeof x);
    return x;
  }
  float x;
  std::memcpy(&x, rows.data + index * sizeof x, sizeof x);
  return static_cast<double>(x);
}

}  // namespace

RecordedRun::RecordedRun(const Model& model, std::span<const TokenId> ids, const RunSetup& setup)
    : dtype_(setup.precision == Precision::kF64 ? DType::kF64 : DType::kF32), n_tokens_(ids.size()) {
  std::vector<NamedPoint> points = {{Point::kLogits, 0}};
  for (size_t layer = 0; setup.keep_layers && layer < model.config.n_layers; ++layer) {
    points.push_back({Point::kResidPost, layer});
  }
  const CaptureRange range = CaptureRange::whole(n_tokens_);
  for (const NamedPoint& point : points) {
    const auto shape = point_shape(point.point, model.config, range);
    tensors_[point].resize(shape[0] * shape[1] * dtype_bytes(dtype_));
  }
  PointCapture capture(model.config, points, range,
                       [&](const NamedPoint& point, size_t offset, const std::byte* data, size_t n_bytes) {
                         std::copy_n(data, n_bytes, tensors_.at(point).data() + offset);
                       });
  // A grain of 1: threads take part however small the model is.
  const Compute compute{&kernels_for(setup.target), setup.n_threads, 1};
  const TransformerLimits limits{n_tokens_, std::min(setup.chunk, n_tokens_)};
  const auto transformer = Transformer::create(model, compute, setup.precision, limits);
  const DType kept = default_cache_dtype(setup.precision);
  const CacheChoice choice{setup.map ? CacheKind::kPod : CacheKind::kDense, setup.map};
  const auto cache =
      make_cache(choice, cache_geometry(model.config), {limits.max_context, limits.max_chunk, kept, kept});
  Generator(*transformer, *cache)
      .read_prompt(
          ids, 0, [](const Progress&) { return !interrupted(); }, &capture);
}

RowsView RecordedRun::rows(const NamedPoint& point) const {
  const auto& bytes = tensors_.at(point);
  const size_t n_columns = bytes.size() / dtype_bytes(dtype_) / n_tokens_;
  return {bytes.data(), dtype_, 1, n_tokens_, n_columns, 0, n_columns};
}

std::optional<std::string> first_difference(const RowsView& a, const RowsView& b) {
  const size_t width = dtype_bytes(a.dtype);
  const size_t n = std::min(a.n_elements(), b.n_elements());
  if (a.dtype != b.dtype || a.n_elements() != b.n_elements()) return "the shapes differ";
  if (std::memcmp(a.data, b.data, n * width) == 0) return std::nullopt;
  size_t index = 0;
  while (std::memcmp(a.data + index * width, b.data + index * width, width) == 0) ++index;
  return fmt::format("differs at position {}, token {}: {:.17g} against {:.17g}", index / a.n_columns,
                     index % a.n_columns, element(a, index), element(b, index));
}

}  // namespace proxima
