// SPDX-License-Identifier: MIT
// What both attentions share: a tile's rows are (query, head of the group), query-major.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "core/attention.h"

namespace proxima {

// Where a tile's queries and KV head stand in the [n_queries, n_heads * head_dim] arrays.
struct TilePlace {
  size_t first_row = 0;  // query index within the chunk
  size_t n_queries = 0;
  size_t kv_head = 0;
};

// The tile's rows one after the other: where they stand if it is one query, else copied to `rows`.
template <class T>
const T* gather_queries(const AttentionShape& shape, const TilePlace& tile, const T* q, T* rows) {
  const size_t row_elements = shape.n_heads / shape.n_kv_heads * shape.head_dim;
  const T* first = q + tile.first_row * shape.n_heads * shape.head_dim + tile.kv_head * row_elements;
  if (tile.n_queries == 1) return first;
  for (size_t t = 0; t < tile.n_queries; ++t) {
    std::copy_n(first + t * shape.n_heads * shape.head_dim, row_elements, rows + t * row_elements);
  }
  return rows;
}

template <class T>
void reset(const PartialSoftmax<T>& softmax, size_t n_rows, size_t head_dim) {
  std::fill_n(softmax.max, n_rows, -std::numeric_limits<T>::infinity());
  std::fill_n(softmax.sum, n_rows, T{0});
  std::fill_n(softmax.out, n_rows * head_dim, T{0});
}

template <class T>
void merge_rows(const Arithmetic<T>& arithmetic, const PartialSoftmax<T>& total, const PartialSoftmax<T>& part,
                size_t n_rows, size_t head_dim) {
  for (size_t row = 0; row < n_rows; ++row) {
    arithmetic.merge(total.max + row, total.sum + row, total.out + row * head_dim, part.max[row], part.sum[row],
                     part.out + row * head_dim, head_dim);
  }
}

// Normalises a tile and puts it in its place.
template <class T>
void scatter_outputs(const Arithmetic<T>& arithmetic, const AttentionShape& shape, const TilePlace& tile,
                     const PartialSoftmax<T>& total, T* out) {
  const size_t group = shape.n_heads / shape.n_kv_heads;
  for (size_t row = 0; row < tile.n_queries * group; ++row) {
    const size_t query = tile.first_row + row / group;
    const size_t head = tile.kv_head * group + row % group;
    T* source = total.out + row * shape.head_dim;
    if (total.sum[row] > 0 || std::isnan(total.sum[row])) {
      arithmetic.scale(source, shape.head_dim, T{1} / total.sum[row]);
    }
    std::copy_n(source, shape.head_dim, out + (query * shape.n_heads + head) * shape.head_dim);
  }
}

// Hands out consecutive pieces of a scratch array.
template <class T>
class Carver {
 public:
  explicit Carver(T* begin) : next_(begin) {}
  T* take(size_t n) { return std::exchange(next_, next_ + n); }
  PartialSoftmax<T> take_softmax(size_t rows, size_t head_dim) {
    return {take(rows), take(rows), take(rows * head_dim)};
  }

 private:
  T* next_;
};

}  // namespace proxima
