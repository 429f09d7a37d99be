// SPDX-License-Identifier: MIT
#include "apps/recorded_run.h"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "apps/interrupt.h"
#include "core/error.h"
#include "model/cache_file.h"
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

// A name for a file that is removed again.
class TemporaryPath {
 public:
  TemporaryPath() : path_(std::filesystem::temp_directory_path() / fmt::format("proxima-selfcheck-{}.kv", getpid())) {}
  ~TemporaryPath() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  TemporaryPath(const TemporaryPath&) = delete;
  TemporaryPath& operator=(const TemporaryPath&) = delete;

  const std::filesystem::path& get() const { return path_; }

 private:
  std::filesystem::path path_;
};

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
  const CacheSettings settings{
      setup.precision, kept, kept, {setup.map ? CacheKind::kPod : CacheKind::kDense, setup.map}};
  const auto new_cache = [&] {
    return make_cache(settings.cache, cache_geometry(model.config), {limits.max_context, limits.max_chunk, kept, kept});
  };
  auto cache = new_cache();
  const auto read = [&](std::span<const TokenId> part) {
    const auto go_on = [](const Progress&) { return !interrupted(); };
    Generator(*transformer, *cache).read_prompt(part, 0, go_on, &capture);
  };
  if (setup.saved_at > 0) {
    const auto first = ids.first(setup.saved_at);
    read(first);
    const TemporaryPath path;
    save_cache(path.get(), model, settings, {.ids = {first.begin(), first.end()}, .before = {}, .after = {}}, *cache);
    cache = new_cache();
    const CacheFile file(path.get());
    file.check_model(model);
    file.restore(*cache);
  }
  read(ids.subspan(setup.saved_at));
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
