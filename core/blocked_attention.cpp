// SPDX-License-Identifier: MIT
#include <omp.h>

#include <algorithm>

#include "core/attention.h"
#include "core/attention_rows.h"
#include "core/gemm.h"

namespace proxima {
namespace {

constexpr size_t kTileRows = 128;   // aimed at: amortises widening a block of keys
constexpr size_t kBlockKeys = 256;  // scores, keys and values of a block stay in the second cache level

void widen_rows(const Arithmetic<float>& arithmetic, const StoredRows& rows, size_t count, size_t head_dim,
                float* widened) {
  if (rows.stride_bytes == head_dim * dtype_bytes(rows.dtype)) {
    arithmetic.widen(rows.data, rows.dtype, count * head_dim, widened);
    return;
  }
  for (size_t k = 0; k < count; ++k) {
    arithmetic.widen(rows.from(k).data, rows.dtype, head_dim, widened + k * head_dim);
  }
}

}  // namespace

BlockedAttention::BlockedAttention(const Compute& compute, const AttentionShape& shape)
    : compute_(compute),
      shape_(shape),
      group_(shape.n_heads / shape.n_kv_heads),
      max_rows_(std::max<size_t>(1, kTileRows / group_) * group_) {
  const size_t softmax_elements = max_rows_ * (shape.head_dim + 2);
  const size_t worker_elements =
      max_rows_ * (shape.head_dim + kBlockKeys) + kBlockKeys * shape.head_dim + 2 * softmax_elements;
  scratch_.resize(static_cast<size_t>(compute.n_threads) * worker_elements);
}

BlockedAttention::Worker BlockedAttention::worker(size_t thread) {
  Carver<float> carver(scratch_.data() + thread * (scratch_.size() / static_cast<size_t>(compute_.n_threads)));
  return {carver.take(max_rows_ * shape_.head_dim), carver.take(kBlockKeys * shape_.head_dim),
          carver.take(max_rows_ * kBlockKeys), carver.take_softmax(max_rows_, shape_.head_dim),
          carver.take_softmax(max_rows_, shape_.head_dim)};
}

void BlockedAttention::run(const float* q, size_t n_queries, size_t first_query, std::span<const View> views,
                           float* out) {
  const size_t tile_queries = max_rows_ / group_;
  const size_t n_tiles = (n_queries + tile_queries - 1) / tile_queries;
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(compute_.n_threads)
  for (size_t kv_head = 0; kv_head < shape_.n_kv_heads; ++kv_head) {
    for (size_t index = 0; index < n_tiles; ++index) {
      const size_t first_row = index * tile_queries;
      const TilePlace tile{first_row, std::min(tile_queries, n_queries - first_row), kv_head};
      const Worker mine = worker(static_cast<size_t>(omp_get_thread_num()));
      gather_queries(shape_, tile, q, mine.q);
      reset(mine.total, tile.n_queries * group_, shape_.head_dim);
      for (const Segment& segment : views[kv_head]) {
        attend_segment(mine, first_query + first_row, tile.n_queries, segment);
      }
      scatter_outputs(compute_.kernels->f32, shape_, tile, mine.total, out);
    }
  }
}

void BlockedAttention::attend_segment(const Worker& worker, size_t first_query, size_t n_queries,
                                      const Segment& segment) const {
  const auto& arithmetic = compute_.kernels->f32;
  const size_t n_rows = n_queries * group_;
  const size_t head_dim = shape_.head_dim;
  const RowRange rows = visible_rows(segment, first_query, n_queries);
  for (size_t begin = rows.begin; begin < rows.end; begin += kBlockKeys) {
    const size_t n_keys = std::min(kBlockKeys, rows.end - begin);
    widen_rows(arithmetic, segment.keys.from(begin), n_keys, head_dim, worker.keys);
    sgemm(n_rows, n_keys, head_dim, worker.q, head_dim, worker.keys, head_dim, true, worker.scores, kBlockKeys);
    for (size_t row = 0; row < n_rows; ++row) {
      const RowRange seen = visible_rows(segment, first_query + row / group_);
      const size_t seen_begin = std::clamp(seen.begin, begin, begin + n_keys) - begin;
      const size_t seen_end = std::clamp(seen.end, begin + seen_begin, begin + n_keys) - begin;
      float* scores = worker.scores + row * kBlockKeys;
      std::fill(scores, scores + seen_begin, -std::numeric_limits<float>::infinity());
      std::fill(scores + seen_end, scores + kBlockKeys, -std::numeric_limits<float>::infinity());
      worker.block.sum[row] =
          arithmetic.exponentials(scores, kBlockKeys, static_cast<float>(shape_.scale), worker.block.max + row);
    }
    widen_rows(arithmetic, segment.values.from(begin), n_keys, head_dim, worker.keys);
    sgemm(n_rows, head_dim, n_keys, worker.scores, kBlockKeys, worker.keys, head_dim, false, worker.block.out,
          head_dim);
    merge_rows(arithmetic, worker.total, worker.block, n_rows, head_dim);
  }
}

}  // namespace proxima
