// SPDX-License-Identifier: MIT
#include "test/run_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kvcache/dense_cache.h"
#include "kvcache/pod_cache.h"
#include "model/cache_file.h"
#include "test/random.h"
#include "test/tiny_model.h"

namespace proxima::test {
namespace {

// Gathers rows of every point it is asked to keep.
class Recorder : public Observer {
 public:
  Recorder(const ModelConfig& config, const RunOptions& options, size_t n_tokens)
      : config_(config), dtype_(options.precision == Precision::kF64 ? DType::kF64 : DType::kF32), n_tokens_(n_tokens) {
    if (options.keep_scores) {
      result_.scores.assign(config.n_layers, std::vector<double>(config.n_heads * n_tokens * n_tokens));
    }
    result_.logits.resize(n_tokens * config.vocab);
    result_.hidden.assign(config.n_layers + 1, std::vector<double>(n_tokens * config.hidden));
    result_.keys.assign(config.n_layers, std::vector<double>(n_tokens * config.n_kv_heads * config.head_dim));
    result_.values = result_.keys;
  }

  bool wants(Point point, size_t layer) const override {
    switch (point) {
      case Point::kEmbed:
      case Point::kFinalNorm:
      case Point::kLogits:
      case Point::kKRope:
      case Point::kV:
        return true;
      case Point::kResidPost:
        return layer + 1 < config_.n_layers;
      default:
        return false;
    }
  }

  bool wants_scores(size_t /*layer*/, size_t /*query*/) const override { return !result_.scores.empty(); }

  void observe(const Observation& o) override {
    ASSERT_EQ(o.dtype, dtype_);
    if (o.point == Point::kAttnScores) return keep_scores(o, result_.scores[o.layer]);
    ASSERT_LE(o.first_position + o.n_rows, n_tokens_);
    switch (o.point) {
      case Point::kEmbed:
        return keep_rows(o, config_.hidden, result_.hidden.front());
      case Point::kResidPost:
        return keep_rows(o, config_.hidden, result_.hidden[o.layer + 1]);
      case Point::kFinalNorm:
        return keep_rows(o, config_.hidden, result_.hidden.back());
      case Point::kLogits:
        return keep_rows(o, config_.vocab, result_.logits);
      case Point::kKRope:
        return keep_heads(o, result_.keys[o.layer]);
      case Point::kV:
        return keep_heads(o, result_.values[o.layer]);
      default:
        ADD_FAILURE() << "observed what was not wanted: " << full_point_name(o.point, o.layer);
    }
  }

  reference::Result take() { return std::move(result_); }

 private:
  static double element(const Observation& o, size_t index) {
    return o.dtype == DType::kF64 ? static_cast<const double*>(o.data)[index]
                                  : static_cast<double>(static_cast<const float*>(o.data)[index]);
  }
  static void keep_rows(const Observation& o, size_t width, std::vector<double>& rows) {
    ASSERT_EQ(o.n_columns, width);
    for (size_t k = 0; k < o.n_rows * width; ++k) rows[o.first_position * width + k] = element(o, k);
  }
  void keep_scores(const Observation& o, std::vector<double>& rows) const {
    ASSERT_EQ(o.n_rows, config_.n_heads);
    ASSERT_EQ(o.n_columns, o.first_position + 1);
    for (size_t k = 0; k < o.n_rows * o.n_columns; ++k) {
      rows[(k / o.n_columns * n_tokens_ + o.first_position) * n_tokens_ + k % o.n_columns] = element(o, k);
    }
  }
  void keep_heads(const Observation& o, std::vector<double>& rows) const {
    const size_t width = config_.head_dim;
    ASSERT_EQ(o.n_columns, config_.n_kv_heads * width);
    for (size_t k = 0; k < o.n_rows * o.n_columns; ++k) {
      const size_t position = o.first_position + k / o.n_columns, head = k % o.n_columns / width;
      rows[(head * n_tokens_ + position) * width + k % width] = element(o, k);
    }
  }

  const ModelConfig& config_;
  DType dtype_;
  size_t n_tokens_;
  reference::Result result_;
};

}  // namespace

std::unique_ptr<KvCache> make_cache(const Model& model, size_t max_context, const RunOptions& options) {
  const DType dtype = default_cache_dtype(options.precision);
  const CacheCapacity capacity{max_context, options.chunk, options.key_dtype.value_or(dtype),
                               options.value_dtype.value_or(dtype)};
  CacheGeometry geometry = cache_geometry(model.config);
  if (options.keep_everything) geometry.layer_window.clear();
  if (options.cache != nullptr) return proxima::make_cache(*options.cache, geometry, capacity);
  if (options.map == nullptr) return std::make_unique<DenseCache>(geometry, capacity);
  options.map->validate(geometry, "test");
  return std::make_unique<PodCache>(geometry, capacity, *options.map);
}

// The cache after a part of the prompt, saved and restored into another one, ready for the rest of the prompt.
static std::unique_ptr<KvCache> through_file(const Model& model, std::span<const TokenId> ids,
                                             std::unique_ptr<KvCache> cache, const RunOptions& options,
                                             size_t max_context) {
  const TemporaryFolder folder;
  cache->end_prompt();
  save_cache(folder.path() / "kv", model, {}, {.ids = {ids.begin(), ids.end()}, .before = {}, .after = {}}, *cache);
  cache = make_cache(model, max_context, options);
  CacheFile(folder.path() / "kv").restore(*cache);
  cache->begin_prompt(0);
  return cache;
}

reference::Result run_model(const Model& model, std::span<const TokenId> ids, const RunOptions& options) {
  const size_t n_prompt = options.n_prompt == 0 ? ids.size() : options.n_prompt;
  const SimdTarget target = options.target.value_or(supported_simd_targets().back());
  const auto transformer = Transformer::create(model, {&kernels_for(target), options.n_threads, 1}, options.precision,
                                               {ids.size(), options.chunk});
  auto cache = make_cache(model, ids.size(), options);
  Recorder recorder(model.config, options, ids.size());
  transformer->begin_sequence(n_prompt);
  cache->begin_prompt(n_prompt);
  for (size_t done = 0; done < n_prompt;) {
    const size_t stop = done < options.saved_at ? options.saved_at : n_prompt;
    const size_t count = std::min(options.chunk, stop - done);
    transformer->forward(ids.subspan(done, count), *cache, false, &recorder);
    done += count;
    if (done == options.saved_at) cache = through_file(model, ids.first(done), std::move(cache), options, ids.size());
  }
  cache->end_prompt();
  for (size_t done = n_prompt; done < ids.size(); ++done) {
    transformer->forward(ids.subspan(done, 1), *cache, false, &recorder);
  }
  EXPECT_EQ(cache->n_tokens(), ids.size());
  if (options.cache_after != nullptr) *options.cache_after = std::move(cache);
  return recorder.take();
}

std::vector<TokenId> random_ids(size_t n, size_t vocab, uint64_t seed) {
  Random random(seed);
  std::vector<TokenId> ids(n);
  for (TokenId& id : ids) id = static_cast<TokenId>(random.below(vocab));
  return ids;
}

Deviation deviation(const std::vector<double>& got, const std::vector<double>& expected) {
  EXPECT_EQ(got.size(), expected.size());
  Deviation result;
  for (size_t k = 0; k < got.size(); ++k) {
    const double error = std::abs(got[k] - expected[k]);
    EXPECT_TRUE(std::isfinite(error));
    result.largest = std::max(result.largest, error);
    result.mean += error / static_cast<double>(got.size());
  }
  return result;
}

}  // namespace proxima::test
