// SPDX-License-Identifier: MIT
#include <omp.h>

#include <algorithm>
#include <limits>

#include "core/attention.h"
#include "core/attention_rows.h"

namespace proxima {
namespace {

constexpr size_t kTileRows = 96;    // aimed at: amortises widening a block; two register tiles of the widest target
constexpr size_t kBlockKeys = 128;  // exponentials of a register tile stay in the first cache level
constexpr size_t kRegisterRows = 16;

size_t padded(size_t n_rows) {
  return (n_rows + kRegisterRows - 1) / kRegisterRows * kRegisterRows;
}

size_t tile_queries(size_t group) {
  return std::max<size_t>(1, kTileRows / group);
}

// Of one thread; see BlockedAttention::Worker.
size_t worker_elements(const AttentionShape& shape) {
  const size_t group = shape.n_heads / shape.n_kv_heads;
  const size_t rows = padded(tile_queries(group) * group);
  return 3 * shape.head_dim * rows + kBlockKeys * (shape.head_dim + rows) + 3 * rows;
}

size_t worker_pairs(const AttentionShape& shape) {
  const size_t group = shape.n_heads / shape.n_kv_heads;
  const size_t rows = padded(tile_queries(group) * group);
  return (shape.head_dim + 1) / 2 * 2 * rows + kBlockKeys / 2 * (shape.head_dim + rows);
}

void widen_rows(const Arithmetic<float>& arithmetic, const StoredRows& rows, size_t count, size_t head_dim,
                float* widened) {
  if (rows.stride_bytes == row_bytes(rows.dtype, head_dim)) {
    arithmetic.widen(rows.data, rows.dtype, count * head_dim, widened);
    return;
  }
  for (size_t k = 0; k < count; ++k) {
    arithmetic.widen(rows.from(k).data, rows.dtype, head_dim, widened + k * head_dim);
  }
}

// Rows of Q8_0 as BF16, in `room` [count, head_dim]; those of BF16 where they are. Rounding adds at most half of the
// blocks' own error, at their largest elements.
StoredRows as_bf16(const Arithmetic<float>& arithmetic, const StoredRows& rows, size_t count, size_t head_dim,
                   float* room) {
  if (rows.dtype == DType::kBF16) return rows;
  widen_rows(arithmetic, rows, count, head_dim, room);
  auto* rounded = reinterpret_cast<std::byte*>(room);
  // In place: each register is read before it is written.
  arithmetic.narrow(room, count * head_dim, DType::kBF16, rounded);
  return {rounded, DType::kBF16, head_dim * sizeof(BF16)};
}

// Puts -infinity where a row skips the block.
void mask_skips(const uint8_t* skips, size_t n_keys, size_t n_queries, const AttentionShape& shape, size_t n_rows,
                float* scores) {
  const size_t group = shape.n_heads / shape.n_kv_heads;
  for (size_t row = 0; row < n_queries * group; ++row) {
    if (skips[row / group * shape.n_heads + row % group] == 0) continue;
    for (size_t key = 0; key < n_keys; ++key) scores[key * n_rows + row] = -std::numeric_limits<float>::infinity();
  }
}

// Puts -infinity where a row does not use a key of the block [begin, begin + n_keys) of a segment.
void mask(const Segment& segment, size_t begin, size_t n_keys, size_t first_query, size_t n_queries, size_t group,
          size_t n_rows, float* scores) {
  for (size_t t = 0; t < n_queries; ++t) {
    const RowRange seen = visible_rows(segment, first_query + t);
    if (seen.begin <= begin && seen.end >= begin + n_keys) continue;
    for (size_t key = 0; key < n_keys; ++key) {
      if (begin + key >= seen.begin && begin + key < seen.end) continue;
      std::fill_n(scores + key * n_rows + t * group, group, -std::numeric_limits<float>::infinity());
    }
  }
}

}  // namespace

BlockedAttention::BlockedAttention(const Compute& compute, const AttentionShape& shape)
    : compute_(compute),
      shape_(shape),
      group_(shape.n_heads / shape.n_kv_heads),
      max_queries_(tile_queries(group_)),
      max_rows_(padded(max_queries_ * group_)),
      bf16_(bf16_block_kernels(*compute.kernels, shape.head_dim)),
      scratch_(static_cast<size_t>(compute.n_threads) * worker_elements(shape)),
      pairs_(static_cast<size_t>(compute.n_threads) * worker_pairs(shape)) {}

size_t BlockedAttention::scratch_bytes(int n_threads, const AttentionShape& shape) {
  return static_cast<size_t>(n_threads) *
         (worker_elements(shape) * sizeof(float) + worker_pairs(shape) * sizeof(uint32_t));
}

BlockedAttention::Worker BlockedAttention::worker(size_t thread) {
  Carver<float> carver(scratch_.data() + thread * (scratch_.size() / static_cast<size_t>(compute_.n_threads)));
  Carver<uint32_t> pairs(pairs_.data() + thread * (pairs_.size() / static_cast<size_t>(compute_.n_threads)));
  const size_t n_channel_pairs = (shape_.head_dim + 1) / 2;
  return {carver.take(shape_.head_dim * max_rows_),
          carver.take(shape_.head_dim * max_rows_),
          carver.take(kBlockKeys * shape_.head_dim),
          carver.take(kBlockKeys * max_rows_),
          carver.take(max_rows_),
          carver.take(max_rows_),
          carver.take(max_rows_),
          carver.take(shape_.head_dim * max_rows_),
          pairs.take(n_channel_pairs * max_rows_),
          pairs.take(n_channel_pairs * max_rows_),
          pairs.take(kBlockKeys / 2 * shape_.head_dim),
          pairs.take(kBlockKeys / 2 * max_rows_)};
}

void BlockedAttention::run(const QueryRows<float>& q, size_t n_queries, size_t first_query, std::span<const View> views,
                           float* out) {
  const size_t n_tiles = (n_queries + max_queries_ - 1) / max_queries_;
  const size_t n_multiply_adds = 2 * n_queries * (first_query + n_queries) * shape_.n_heads * shape_.head_dim;
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(compute_.threads_for(n_multiply_adds))
  for (size_t kv_head = 0; kv_head < shape_.n_kv_heads; ++kv_head) {
    for (size_t tile = 0; tile < n_tiles; ++tile) {
      const size_t first_row = tile * max_queries_;
      const size_t count = std::min(max_queries_, n_queries - first_row);
      Worker mine = worker(static_cast<size_t>(omp_get_thread_num()));
      if (q.skips != nullptr) mine.skips = q.skips + first_row * shape_.n_heads + kv_head * group_;
      begin_tile(mine, q, first_row, count, kv_head);
      for (const Segment& segment : views[kv_head]) attend_segment(mine, first_query + first_row, count, segment);
      end_tile(mine, first_row, count, kv_head, out);
    }
  }
}

void BlockedAttention::begin_tile(const Worker& worker, const QueryRows<float>& q, size_t first_row, size_t n_queries,
                                  size_t kv_head) const {
  const size_t n_rows = padded(n_queries * group_);
  transpose(q.rotated, first_row, n_queries, kv_head, worker.q);
  if (q.capped != nullptr) transpose(q.capped, first_row, n_queries, kv_head, worker.capped);
  if (bf16_ != nullptr) {
    bf16_->pair_rows(worker.q, shape_.head_dim, n_rows, worker.q_pairs);
    if (q.capped != nullptr) bf16_->pair_rows(worker.capped, shape_.head_dim, n_rows, worker.capped_pairs);
  }
  std::fill_n(worker.max, n_rows, std::numeric_limits<float>::lowest());
  std::fill_n(worker.sum, n_rows, 0.0F);
  std::fill_n(worker.out, shape_.head_dim * n_rows, 0.0F);
}

void BlockedAttention::transpose(const float* q, size_t first_row, size_t n_queries, size_t kv_head,
                                 float* transposed) const {
  const size_t n_rows = padded(n_queries * group_);
  std::fill_n(transposed, shape_.head_dim * n_rows, 0.0F);
  for (size_t row = 0; row < n_queries * group_; ++row) {
    const size_t head = kv_head * group_ + row % group_;
    const float* source = q + ((first_row + row / group_) * shape_.n_heads + head) * shape_.head_dim;
    for (size_t c = 0; c < shape_.head_dim; ++c) {
      transposed[c * n_rows + row] = source[c] * static_cast<float>(shape_.scale);
    }
  }
}

bool BlockedAttention::all_skip(const uint8_t* skips, size_t n_queries) const {
  for (size_t row = 0; row < n_queries * group_; ++row) {
    if (skips[row / group_ * shape_.n_heads + row % group_] == 0) return false;
  }
  return true;
}

void BlockedAttention::attend_segment(const Worker& worker, size_t first_query, size_t n_queries,
                                      const Segment& segment) const {
  const size_t n_rows = padded(n_queries * group_);
  const uint8_t* skips = segment.distant ? worker.skips : nullptr;
  if (skips != nullptr && all_skip(skips, n_queries)) return;
  const RowRange rows = visible_rows(segment, first_query, n_queries);
  for (size_t begin = rows.begin; begin < rows.end; begin += kBlockKeys) {
    const size_t n_keys = std::min(kBlockKeys, rows.end - begin);
    score_block(worker, segment, begin, n_keys, n_rows);
    if (shape_.softcap > 0) {  // the queries are scaled already
      compute_.kernels->f32.softcap(worker.scores, n_keys * n_rows, 1, static_cast<float>(shape_.softcap));
    }
    mask(segment, begin, n_keys, first_query, n_queries, group_, n_rows, worker.scores);
    if (skips != nullptr) mask_skips(skips, n_keys, n_queries, shape_, n_rows, worker.scores);
    compute_.kernels->block.softmax(worker.scores, n_rows, n_keys, worker.max, worker.sum, worker.rescale);
    mix_block(worker, segment, begin, n_keys, n_rows);
  }
}

bool BlockedAttention::in_bf16(const Segment& segment) const {
  const auto fits = [](const StoredRows& rows) { return rows.dtype == DType::kBF16 || rows.dtype == DType::kQ8_0; };
  return bf16_ != nullptr && fits(segment.keys) && fits(segment.values);
}

void BlockedAttention::score_block(const Worker& worker, const Segment& segment, size_t begin, size_t n_keys,
                                   size_t n_rows) const {
  const StoredRows keys = segment.keys.from(begin);
  if (in_bf16(segment)) {
    const uint32_t* q = segment.capped ? worker.capped_pairs : worker.q_pairs;
    const StoredRows rounded = as_bf16(compute_.kernels->f32, keys, n_keys, shape_.head_dim, worker.keys);
    return bf16_->scores(q, n_rows, rounded, n_keys, shape_.head_dim, worker.scores);
  }
  const float* q = segment.capped ? worker.capped : worker.q;
  widen_rows(compute_.kernels->f32, keys, n_keys, shape_.head_dim, worker.keys);
  compute_.kernels->block.scores(q, n_rows, worker.keys, n_keys, shape_.head_dim, worker.scores);
}

void BlockedAttention::mix_block(const Worker& worker, const Segment& segment, size_t begin, size_t n_keys,
                                 size_t n_rows) const {
  const StoredRows values = segment.values.from(begin);
  if (in_bf16(segment)) {
    bf16_->pair_rows(worker.scores, n_keys, n_rows, worker.p_pairs);
    const StoredRows rounded = as_bf16(compute_.kernels->f32, values, n_keys, shape_.head_dim, worker.keys);
    bf16_->pair_keys(rounded, n_keys, shape_.head_dim, worker.value_pairs);
    return bf16_->mix(worker.p_pairs, n_rows, worker.value_pairs, (n_keys + 1) / 2, shape_.head_dim, worker.rescale,
                      worker.out);
  }
  widen_rows(compute_.kernels->f32, values, n_keys, shape_.head_dim, worker.keys);
  compute_.kernels->block.mix(worker.scores, n_rows, worker.keys, n_keys, shape_.head_dim, worker.rescale, worker.out);
}

void BlockedAttention::end_tile(const Worker& worker, size_t first_row, size_t n_queries, size_t kv_head,
                                float* out) const {
  const size_t n_rows = padded(n_queries * group_);
  for (size_t row = 0; row < n_queries * group_; ++row) {
    const size_t head = kv_head * group_ + row % group_;
    float* target = out + ((first_row + row / group_) * shape_.n_heads + head) * shape_.head_dim;
    const float factor = worker.sum[row] == 0 ? 0 : 1 / worker.sum[row];
    for (size_t c = 0; c < shape_.head_dim; ++c) target[c] = worker.out[c * n_rows + row] * factor;
  }
}

}  // namespace proxima
