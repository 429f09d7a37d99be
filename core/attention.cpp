// SPDX-License-Identifier: MIT
#include "core/attention.h"

#include <omp.h>

#include <algorithm>
#include <cassert>

#include "core/attention_rows.h"
#include "core/bf16_row_kernels.h"
#include "core/task_runs.h"
#include "core/threads.h"

namespace proxima {
namespace {

constexpr size_t kPiece = 256;    // positions; part of the numeric definition, see FixedAttention
constexpr size_t kTileRows = 32;  // aimed at: keys of a piece stay in the first cache level for all of them
constexpr size_t kPadding = 16;   // `exponentials` takes whole registers

// The rows of a segment that lie in a piece and that some query uses.
RowRange rows_in_piece(const Segment& segment, size_t piece_begin, size_t first_query, size_t n_queries) {
  const RowRange seen = visible_rows(segment, first_query, n_queries);
  return {std::max(seen.begin, segment.row_of(piece_begin)), std::min(seen.end, segment.row_of(piece_begin + kPiece))};
}

size_t tile_rows(size_t group) {
  return std::max<size_t>(1, kTileRows / group) * group;
}

size_t pieces_of(size_t max_context) {
  return (max_context + kPiece - 1) / kPiece;
}

// Of one thread; see FixedAttention::Worker.
size_t worker_elements(const AttentionShape& shape) {
  const size_t rows = tile_rows(shape.n_heads / shape.n_kv_heads);
  return rows * (2 * shape.head_dim + 2 * kPiece) + 2 * rows * (shape.head_dim + 2);
}

size_t partial_elements(const AttentionShape& shape, size_t max_context) {
  return pieces_of(max_context) * shape.n_heads * (shape.head_dim + 2);
}

// Whether every query uses every row of the range, and the rows are consecutive positions: nothing to mask.
bool seen_whole(const Segment& segment, RowRange rows, size_t first_query, size_t n_queries) {
  const RowRange first = visible_rows(segment, first_query);
  const RowRange last = visible_rows(segment, first_query + n_queries - 1);
  return segment.positions == nullptr && last.begin <= rows.begin && first.end >= rows.end;
}

// Calls f(row of the tile, row of the segment, slot in the piece) for each key that each row uses.
template <class F>
void for_each_use(const Segment& segment, RowRange rows, size_t piece_begin, size_t first_query, size_t n_queries,
                  size_t group, F f) {
  for (size_t t = 0; t < n_queries; ++t) {
    const RowRange seen = visible_rows(segment, first_query + t);
    const size_t end = std::min(seen.end, rows.end);
    for (size_t g = 0; g < group; ++g) {
      for (size_t k = std::max(seen.begin, rows.begin); k < end; ++k) {
        f(t * group + g, k - rows.begin, segment.position(k) - piece_begin);
      }
    }
  }
}

}  // namespace

size_t Segment::row_of(size_t wanted) const {
  if (positions != nullptr) {
    return static_cast<size_t>(std::lower_bound(positions, positions + count, wanted) - positions);
  }
  return wanted <= first ? 0 : std::min(wanted - first, count);
}

RowRange visible_rows(const Segment& segment, size_t position) {
  if (position < segment.min_age) return {};
  const size_t oldest = position >= segment.max_age ? position - segment.max_age + 1 : 0;
  return {segment.row_of(oldest), segment.row_of(position - segment.min_age + 1)};
}

RowRange visible_rows(const Segment& segment, size_t first_query, size_t n_queries) {
  return {visible_rows(segment, first_query).begin, visible_rows(segment, first_query + n_queries - 1).end};
}

template <class T>
FixedAttention<T>::FixedAttention(const Compute& compute, Precision precision, const AttentionShape& shape,
                                  size_t max_context)
    : compute_(compute),
      arithmetic_(arithmetic_for<T>(compute, precision)),
      shape_(shape),
      group_(shape.n_heads / shape.n_kv_heads),
      max_rows_(tile_rows(group_)),
      max_pieces_(pieces_of(max_context)),
      scratch_(static_cast<size_t>(compute.n_threads) * worker_elements(shape)),
      partials_(partial_elements(shape, max_context)),
      pieces_left_(shape.n_kv_heads) {}

template <class T>
size_t FixedAttention<T>::scratch_bytes(int n_threads, const AttentionShape& shape, size_t max_context) {
  return (static_cast<size_t>(n_threads) * worker_elements(shape) + partial_elements(shape, max_context)) * sizeof(T) +
         shape.n_kv_heads * sizeof(std::atomic<size_t>);
}

template <class T>
typename FixedAttention<T>::Worker FixedAttention<T>::worker(size_t thread) {
  Carver<T> carver(scratch_.data() + thread * (scratch_.size() / static_cast<size_t>(compute_.n_threads)));
  return {carver.take(max_rows_ * shape_.head_dim),
          carver.take(max_rows_ * shape_.head_dim),
          carver.take(max_rows_ * kPiece),
          carver.take(max_rows_ * kPiece),
          carver.take_softmax(max_rows_, shape_.head_dim),
          carver.take_softmax(max_rows_, shape_.head_dim)};
}

template <class T>
void FixedAttention<T>::gather(const TilePlace& tile, const QueryRows<T>& q, Worker& worker) const {
  if (q.skips != nullptr) worker.skips = q.skips + tile.first_row * shape_.n_heads + tile.kv_head * group_;
  worker.q = gather_queries(shape_, tile, q.rotated, worker.gathered);
  if (q.capped != nullptr) worker.capped = gather_queries(shape_, tile, q.capped, worker.gathered_capped);
}

template <class T>
void FixedAttention<T>::run(const QueryRows<T>& q, size_t n_queries, size_t first_query, std::span<const View> views,
                            T* out) {
  assert(first_query + n_queries <= max_pieces_ * kPiece);
  if (n_queries == 1) {
    run_pieces(q, first_query, views, out);
  } else {
    run_tiles(q, n_queries, first_query, views, out);
  }
}

template <class T>
void FixedAttention<T>::run_tiles(const QueryRows<T>& q, size_t n_queries, size_t first_query,
                                  std::span<const View> views, T* out) {
  const size_t tile_queries = max_rows_ / group_;
  const size_t n_tiles = (n_queries + tile_queries - 1) / tile_queries;
  const size_t n_multiply_adds = 2 * n_queries * (first_query + n_queries) * shape_.n_heads * shape_.head_dim;
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(compute_.threads_for(n_multiply_adds))
  for (size_t kv_head = 0; kv_head < shape_.n_kv_heads; ++kv_head) {
    for (size_t index = 0; index < n_tiles; ++index) {
      const size_t first_row = index * tile_queries;
      const TilePlace tile{first_row, std::min(tile_queries, n_queries - first_row), kv_head};
      const size_t n_rows = tile.n_queries * group_;
      const size_t first = first_query + first_row;
      Worker mine = worker(static_cast<size_t>(omp_get_thread_num()));
      gather(tile, q, mine);
      reset(mine.total, n_rows, shape_.head_dim);
      for (size_t piece = 0; piece * kPiece < first + tile.n_queries; ++piece) {
        attend_piece(mine, piece, first, tile.n_queries, views[kv_head], mine.piece);
        merge_rows(arithmetic_, mine.total, mine.piece, n_rows, shape_.head_dim);
      }
      scatter_outputs(arithmetic_, shape_, tile, mine.total, out);
    }
  }
}

template <class T>
void FixedAttention<T>::run_pieces(const QueryRows<T>& q, size_t query, std::span<const View> views, T* out) {
  const size_t n_pieces = query / kPiece + 1;
  const auto partial = [&](size_t kv_head, size_t piece) {
    const size_t elements = group_ * (shape_.head_dim + 2);
    return Carver<T>(partials_.data() + (kv_head * max_pieces_ + piece) * elements)
        .take_softmax(group_, shape_.head_dim);
  };
  const auto merge = [&](Worker& mine, size_t kv_head) {
    reset(mine.total, group_, shape_.head_dim);
    for (size_t piece = 0; piece < n_pieces; ++piece) {
      merge_rows(arithmetic_, mine.total, partial(kv_head, piece), group_, shape_.head_dim);
    }
    scatter_outputs(arithmetic_, shape_, {0, 1, kv_head}, mine.total, out);
  };
  for (auto& n_left : pieces_left_) n_left.store(n_pieces, std::memory_order_relaxed);
  // The group's heads share what is read.
  const int n_threads = compute_.threads_for(2 * (query + 1) * shape_.n_kv_heads * shape_.head_dim);
  TaskRuns runs(shape_.n_kv_heads * n_pieces, static_cast<size_t>(n_threads));
  on_threads(n_threads, [&](size_t thread) {
    Worker mine = worker(thread);
    while (const auto task = runs.next(thread)) {
      const size_t kv_head = *task / n_pieces, piece = *task % n_pieces;
      gather({0, 1, kv_head}, q, mine);
      attend_piece(mine, piece, query, 1, views[kv_head], partial(kv_head, piece));
      if (pieces_left_[kv_head].fetch_sub(1, std::memory_order_acq_rel) == 1) merge(mine, kv_head);
    }
  });
}

template <class T>
void FixedAttention<T>::probabilities(const QueryRows<T>& q, size_t query, std::span<const View> views, T* out) {
  const size_t n_keys = query + 1;
#pragma omp parallel for num_threads(compute_.threads_for(n_keys* shape_.n_heads* shape_.head_dim))
  for (size_t kv_head = 0; kv_head < shape_.n_kv_heads; ++kv_head) {
    Worker mine = worker(static_cast<size_t>(omp_get_thread_num()));
    std::vector<T> piece_max(group_ * (query / kPiece + 1));
    T* rows = out + kv_head * group_ * n_keys;
    gather({0, 1, kv_head}, q, mine);
    reset(mine.total, group_, shape_.head_dim);
    for (size_t piece = 0; piece * kPiece < n_keys; ++piece) {
      attend_piece(mine, piece, query, 1, views[kv_head], mine.piece);  // leaves the exponentials in mine.scores
      merge_rows(arithmetic_, mine.total, mine.piece, group_, shape_.head_dim);
      for (size_t row = 0; row < group_; ++row) {
        piece_max[piece * group_ + row] = mine.piece.max[row];
        std::copy_n(mine.scores + row * kPiece, std::min(kPiece, n_keys - piece * kPiece),
                    rows + row * n_keys + piece * kPiece);
      }
    }
    for (size_t row = 0; row < group_; ++row) {
      if (mine.total.sum[row] == T{0}) continue;  // sees nothing: zeros already
      for (size_t piece = 0; piece * kPiece < n_keys; ++piece) {
        const T shift = piece_max[piece * group_ + row] - mine.total.max[row];
        arithmetic_.scale(rows + row * n_keys + piece * kPiece, std::min(kPiece, n_keys - piece * kPiece),
                          arithmetic_.exp(shift) / mine.total.sum[row]);
      }
    }
  }
}

template <class T>
void FixedAttention<T>::softmax_sums(const QueryRows<T>& q, size_t n_queries, size_t first_query,
                                     std::span<const View> views, T* max, T* sum) {
  const size_t tile_queries = max_rows_ / group_;
  const size_t n_tiles = (n_queries + tile_queries - 1) / tile_queries;
  const size_t n_multiply_adds = n_queries * (first_query + n_queries) * shape_.n_heads * shape_.head_dim;
#pragma omp parallel for collapse(2) schedule(dynamic) num_threads(compute_.threads_for(n_multiply_adds))
  for (size_t kv_head = 0; kv_head < shape_.n_kv_heads; ++kv_head) {
    for (size_t index = 0; index < n_tiles; ++index) {
      const size_t first_row = index * tile_queries, first = first_query + first_row;
      const TilePlace tile{first_row, std::min(tile_queries, n_queries - first_row), kv_head};
      Worker mine = worker(static_cast<size_t>(omp_get_thread_num()));
      gather(tile, q, mine);
      reset(mine.total, tile.n_queries * group_, 0);
      for (size_t piece = 0; piece * kPiece < first + tile.n_queries; ++piece) {
        if (!score_piece(mine, piece, first, tile.n_queries, views[kv_head], mine.piece)) continue;
        merge_rows(arithmetic_, mine.total, mine.piece, tile.n_queries * group_, 0);
      }
      for (size_t row = 0; row < tile.n_queries * group_; ++row) {
        const size_t place = (first_row + row / group_) * shape_.n_heads + kv_head * group_ + row % group_;
        max[place] = mine.total.max[row];
        sum[place] = mine.total.sum[row];
      }
    }
  }
}

template <class T>
void FixedAttention<T>::attend_piece(const Worker& worker, size_t piece, size_t first_query, size_t n_queries,
                                     const View& view, const PartialSoftmax<T>& result) const {
  if (score_piece(worker, piece, first_query, n_queries, view, result)) {
    mix_piece(worker, piece, first_query, n_queries, view, result);
  } else {
    std::fill_n(result.out, n_queries * group_ * shape_.head_dim, T{0});
  }
}

template <class T>
typename FixedAttention<T>::PieceRows FixedAttention<T>::piece_rows(const Worker& worker, const Segment& segment,
                                                                    size_t piece, size_t first_query,
                                                                    size_t n_queries) const {
  const RowRange rows = rows_in_piece(segment, piece * kPiece, first_query, n_queries);
  if (rows.empty()) return {};
  size_t n_skipping = 0;
  for (size_t row = 0; row < n_queries * group_; ++row) {
    if (skips(worker, segment, row)) ++n_skipping;
  }
  if (n_skipping == n_queries * group_) return {};
  return {rows, n_skipping == 0 && seen_whole(segment, rows, first_query, n_queries)};
}

template <class T>
bool FixedAttention<T>::score_piece(const Worker& worker, size_t piece, size_t first_query, size_t n_queries,
                                    const View& view, const PartialSoftmax<T>& result) const {
  const T scale = static_cast<T>(shape_.scale);
  const size_t begin = piece * kPiece;
  const size_t n_rows = n_queries * group_;
  const size_t n_positions = std::min(kPiece, first_query + n_queries - begin);
  const size_t width = (n_positions + kPadding - 1) / kPadding * kPadding;
  bool sees_any = false;
  for (const Segment& segment : view) {
    const auto [rows, whole] = piece_rows(worker, segment, piece, first_query, n_queries);
    if (rows.empty()) continue;
    const bool fills_piece = whole && rows.end - rows.begin == width;
    for (size_t row = 0; !sees_any && !fills_piece && row < n_rows; ++row) {
      std::fill_n(worker.scores + row * kPiece, width, -std::numeric_limits<T>::infinity());
    }
    sees_any = true;
    T* target = whole ? worker.scores + (segment.position(rows.begin) - begin) : worker.staged;
    arithmetic_.dot(segment.capped ? worker.capped : worker.q, shape_.head_dim, n_rows, segment.keys.from(rows.begin),
                    rows.end - rows.begin, shape_.head_dim, target, kPiece);
    for (size_t row = 0; row < n_rows && shape_.softcap > 0; ++row) {
      arithmetic_.softcap(target + row * kPiece, rows.end - rows.begin, scale, static_cast<T>(shape_.softcap));
    }
    if (whole) continue;
    for_each_use(segment, rows, begin, first_query, n_queries, group_, [&](size_t row, size_t key, size_t slot) {
      if (!skips(worker, segment, row)) worker.scores[row * kPiece + slot] = worker.staged[row * kPiece + key];
    });
  }
  if (!sees_any) {  // as in most pieces of a layer with a sliding window: what follows would come to the same
    for (size_t row = 0; row < n_rows; ++row) std::fill_n(worker.scores + row * kPiece, width, T{0});
    reset(result, n_rows, 0);
    return false;
  }
  for (size_t row = 0; row < n_rows; ++row) {
    result.sum[row] = arithmetic_.exponentials(worker.scores + row * kPiece, width, shape_.softcap > 0 ? T{1} : scale,
                                               result.max + row);
  }
  return true;
}

template <class T>
void FixedAttention<T>::mix_piece(const Worker& worker, size_t piece, size_t first_query, size_t n_queries,
                                  const View& view, const PartialSoftmax<T>& result) const {
  const size_t begin = piece * kPiece;
  const size_t n_rows = n_queries * group_;
  bool accumulate = false;
  for (const Segment& segment : view) {
    const auto [rows, whole] = piece_rows(worker, segment, piece, first_query, n_queries);
    if (rows.empty()) continue;
    const size_t n_keys = rows.end - rows.begin;
    const T* weights = whole ? worker.scores + (segment.position(rows.begin) - begin) : worker.staged;
    if (!whole) {
      for (size_t row = 0; row < n_rows; ++row) std::fill_n(worker.staged + row * kPiece, n_keys, T{0});
      for_each_use(segment, rows, begin, first_query, n_queries, group_, [&](size_t row, size_t key, size_t slot) {
        if (!skips(worker, segment, row)) worker.staged[row * kPiece + key] = worker.scores[row * kPiece + slot];
      });
    }
    arithmetic_.mix(weights, kPiece, n_rows, segment.values.from(rows.begin), n_keys, shape_.head_dim, result.out,
                    shape_.head_dim, accumulate);
    accumulate = true;
  }
}

template class FixedAttention<float>;
template class FixedAttention<double>;

}  // namespace proxima
