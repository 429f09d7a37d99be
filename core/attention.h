// SPDX-License-Identifier: MIT
// Attention of a chunk of queries over what a cache chooses to show.
//
// A cache shows each KV head as a list of segments. Together they hold every position at most once per query: which
// positions a query uses of a segment is a band of ages (query position - key position). That is all PoD needs: the
// first tokens, the distant ones with another layer's keys, and the recent ones are segments with different bands.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/aligned.h"
#include "core/bf16_block_kernels.h"
#include "core/compute.h"

namespace proxima {

// Row k of keys and values belongs to position first + k, or positions[k] (ascending) where positions is given. The
// rows belong to the cache and stay valid until its next append. A query at position i uses the key at j if j <= i and
// min_age <= i - j < max_age.
struct Segment {
  StoredRows keys;    // [count, head_dim]
  StoredRows values;  // [count, head_dim]
  size_t first = 0;
  size_t count = 0;
  size_t min_age = 0;
  size_t max_age = SIZE_MAX;
  const uint32_t* positions = nullptr;  // [count]
  bool capped = false;                  // the keys meet the queries as rotated at a capped position, see QueryRows
  bool distant = false;                 // queries may leave it out, see QueryRows

  size_t position(size_t row) const { return positions != nullptr ? positions[row] : first + row; }
  size_t row_of(size_t position) const;  // the first row at this position or beyond it, at most count
};

// In order of position for every query. One per KV head.
using View = std::vector<Segment>;

struct AttentionShape {
  size_t n_heads = 0;
  size_t n_kv_heads = 0;
  size_t head_dim = 0;
  double scale = 1;    // of the dot products, 1/sqrt(head_dim) as a rule
  double softcap = 0;  // scaled scores become softcap * tanh(score / softcap); 0: none
};

// Queries [n_queries, n_heads * head_dim], rotated at their positions; `capped`, where segments ask for it, the same
// rotated at their positions or the cache's cap, whichever is lower. `skips` [n_queries, n_heads], null for none: not 0
// where a head's query leaves out the distant segments.
template <class T>
struct QueryRows {
  QueryRows(const T* rotated_rows, const T* capped_rows = nullptr, const uint8_t* skips_of_rows = nullptr)
      : rotated(rotated_rows), capped(capped_rows), skips(skips_of_rows) {}
  const T* rotated;
  const T* capped;
  const uint8_t* skips;
};

struct TilePlace;

// Rows [begin, end) of a segment.
struct RowRange {
  size_t begin = 0;
  size_t end = 0;
  bool empty() const { return begin >= end; }
};
// The rows that the query at `position` uses.
RowRange visible_rows(const Segment& segment, size_t position);

// The rows that some query of a chunk uses; a band's ends move up with the query.
RowRange visible_rows(const Segment& segment, size_t first_query, size_t n_queries);

// A softmax over part of the keys, for several rows: largest scaled score, sum of exponentials relative to it, and the
// unnormalised mix of values. Partial softmaxes merge by log-sum-exp.
template <class T>
struct PartialSoftmax {
  T* max = nullptr;  // [rows]
  T* sum = nullptr;  // [rows]
  T* out = nullptr;  // [rows, head_dim]
};

// Fixed-order attention: keys are cut at absolute positions [256p, 256p + 256). Each piece: scores, maximum,
// exponentials, their sum and the value mix in key order; pieces are merged from left to right. The result does not
// depend on threads, chunk or segmentation. Serves f64 and f32, and `fast` where few queries make memory the limit:
// each key and value is read once for all query heads of its group; there queries and weights are rounded as
// core/bf16_row_kernels.h says, and segmentation can change the last bits.
// One per running sequence; keeps scratch for max_context. Not thread-safe; it uses compute.n_threads itself.
template <class T>
class FixedAttention {
 public:
  FixedAttention(const Compute& compute, Precision precision, const AttentionShape& shape, size_t max_context);

  // What the constructor allocates.
  static size_t scratch_bytes(int n_threads, const AttentionShape& shape, size_t max_context);

  // out [n_queries, n_heads * head_dim], queries at positions first_query, ...; views [n_kv_heads].
  // A query that sees nothing gets zeros.
  void run(const QueryRows<T>& q, size_t n_queries, size_t first_query, std::span<const View> views, T* out);

  // The softmaxes' largest scores and sums of exponentials relative to them, [n_queries, n_heads] each, by the same
  // pieces; -infinity and 0 for a query that sees nothing.
  void softmax_sums(const QueryRows<T>& q, size_t n_queries, size_t first_query, std::span<const View> views, T* max,
                    T* sum);

  // The softmax probabilities of one query, by the same pieces: out [n_heads, query + 1], zero where the query does not
  // look.
  void probabilities(const QueryRows<T>& q, size_t query, std::span<const View> views, T* out);

 private:
  struct Worker {        // one thread's scratch; rows are (query, head of the group)
    T* gathered;         // [rows, head_dim]
    T* gathered_capped;  // likewise
    T* scores;           // [rows, 256]
    T* staged;           // [rows, 256]
    PartialSoftmax<T> piece;
    PartialSoftmax<T> total;
    const T* q = nullptr;            // [rows, head_dim] of the tile: gathered, or where they stand
    const T* capped = nullptr;       // likewise
    const uint8_t* skips = nullptr;  // of the tile's first row, see QueryRows
  };
  // What a tile uses of a segment in a piece; whole: every row uses every key, and they are consecutive positions.
  struct PieceRows {
    RowRange rows;
    bool whole = false;
  };

  Worker worker(size_t thread);
  void gather(const TilePlace& tile, const QueryRows<T>& q, Worker& worker) const;
  bool skips(const Worker& worker, const Segment& segment, size_t row) const {
    return segment.distant && worker.skips != nullptr &&
           worker.skips[row / group_ * shape_.n_heads + row % group_] != 0;
  }
  PieceRows piece_rows(const Worker& worker, const Segment& segment, size_t piece, size_t first_query,
                       size_t n_queries) const;
  // One thread a tile of queries: many queries.
  void run_tiles(const QueryRows<T>& q, size_t n_queries, size_t first_query, std::span<const View> views, T* out);
  // One thread a piece of the keys: a single query. Same pieces, same order of merging, same bits.
  void run_pieces(const QueryRows<T>& q, size_t query, std::span<const View> views, T* out);
  void attend_piece(const Worker& worker, size_t piece, size_t first_query, size_t n_queries, const View& view,
                    const PartialSoftmax<T>& result) const;
  // Leaves the exponentials in worker.scores, their largest score and sum in result; false where no row sees a key.
  bool score_piece(const Worker& worker, size_t piece, size_t first_query, size_t n_queries, const View& view,
                   const PartialSoftmax<T>& result) const;
  void mix_piece(const Worker& worker, size_t piece, size_t first_query, size_t n_queries, const View& view,
                 const PartialSoftmax<T>& result) const;

  Compute compute_;
  Arithmetic<T> arithmetic_;
  AttentionShape shape_;
  size_t group_;     // query heads per KV head
  size_t max_rows_;  // of a tile
  size_t max_pieces_;
  AlignedVector<T> scratch_;                      // of the workers
  AlignedVector<T> partials_;                     // [n_kv_heads * max_pieces * group, head_dim + 2]
  std::vector<std::atomic<size_t>> pieces_left_;  // [n_kv_heads] of a single query: who does the last one merges them
};

// Attention for `fast` prefill: a tile of query rows against blocks of keys and values, with online softmax between.
// Where keys and values are BF16 and the processor multiplies BF16, queries and probabilities are rounded to it (by
// at most 2^-8 of each); otherwise keys and values are widened to float. Its memory does not grow with the context.
// Same parameters as FixedAttention.
class BlockedAttention {
 public:
  BlockedAttention(const Compute& compute, const AttentionShape& shape);

  // What the constructor allocates.
  static size_t scratch_bytes(int n_threads, const AttentionShape& shape);

  void run(const QueryRows<float>& q, size_t n_queries, size_t first_query, std::span<const View> views, float* out);

 private:
  struct Worker {            // one thread's scratch; rows are (query, head of the group), padded to whole registers
    float* q;                // [head_dim, rows], scaled
    float* capped;           // likewise
    float* keys;             // [block, head_dim], then reused for values
    float* scores;           // [block, rows]
    float* max;              // [rows]
    float* sum;              // [rows]
    float* rescale;          // [rows]
    float* out;              // [head_dim, rows]
    uint32_t* q_pairs;       // [head_dim / 2, rows], see core/bf16_block_kernels.h
    uint32_t* capped_pairs;  // likewise
    uint32_t* value_pairs;   // [block / 2, head_dim]
    uint32_t* p_pairs;       // [block / 2, rows]
    const uint8_t* skips = nullptr;  // of the tile's first row, see QueryRows
  };

  Worker worker(size_t thread);
  void begin_tile(const Worker& worker, const QueryRows<float>& q, size_t first_row, size_t n_queries,
                  size_t kv_head) const;
  void transpose(const float* q, size_t first_row, size_t n_queries, size_t kv_head, float* transposed) const;
  bool all_skip(const uint8_t* skips, size_t n_queries) const;
  void attend_segment(const Worker& worker, size_t first_query, size_t n_queries, const Segment& segment) const;
  bool in_bf16(const Segment& segment) const;
  void score_block(const Worker& worker, const Segment& segment, size_t begin, size_t n_keys, size_t n_rows) const;
  void mix_block(const Worker& worker, const Segment& segment, size_t begin, size_t n_keys, size_t n_rows) const;
  void end_tile(const Worker& worker, size_t first_row, size_t n_queries, size_t kv_head, float* out) const;

  Compute compute_;
  AttentionShape shape_;
  size_t group_;
  size_t max_queries_;            // of a tile
  size_t max_rows_;               // max_queries_ * group_, padded
  const Bf16BlockKernels* bf16_;  // null where products stay float
  AlignedVector<float> scratch_;
  AlignedVector<uint32_t> pairs_;
};

}  // namespace proxima
