// SPDX-License-Identifier: MIT
// Keys or values of one KV head, of the first tokens of a sequence and of its recent ones: the first rows for good,
// then a ring. Where a model's sliding window or PoD's proximal window needs no more, no more is kept.
//
// While a prompt is read in chunks of C tokens the ring is C - 1 rows longer, since the chunk's first query still needs
// what is recent to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kvcache/kept_rows.h"
#include "kvcache/kv_cache.h"
#include "kvcache/row_store.h"

namespace proxima {

struct KeptTokens {
  size_t n_first = 0;
  size_t n_recent = SIZE_MAX;  // at least 1
};

class RecentRows {
 public:
  RecentRows(const KeptTokens& kept, const CacheCapacity& capacity, size_t row_elements, DType dtype);

  size_t n_tokens() const { return n_tokens_; }
  size_t row_bytes() const { return rows_.row_bytes(); }

  void begin_prompt() { resize(n_recent_ + max_chunk_ - 1); }
  void end_prompt() { resize(n_recent_); }

  // Rows of the next n tokens, source_stride bytes apart.
  void append(size_t n, const std::byte* source, size_t source_stride);

  // The row of a kept position; `run` says how many from there on lie one after the other.
  StoredRows at(size_t position) const { return rows_.rows().from(slot(position)); }
  size_t run(size_t position) const;

  CacheBytes bytes() const;
  std::span<const std::byte> allocated() const { return rows_.allocated(); }
  void clear();

  // Outside of prompts: the rows kept of the first n_tokens, with their data where n_tokens are there.
  std::vector<RowRun> kept(size_t n_tokens) const;
  // Forgets what there is and takes the rows of kept(n_tokens), however they are cut into runs.
  void restore(size_t n_tokens, const std::vector<RowRun>& rows);

 private:
  size_t slot(size_t position) const {
    return position < n_first_ ? position : n_first_ + (position - n_first_) % ring_;
  }
  void write(size_t position, size_t n, const std::byte* source, size_t source_stride);
  void resize(size_t ring);

  size_t n_first_;
  size_t n_recent_;
  size_t max_chunk_;
  size_t ring_;  // rows of the ring in use
  size_t n_tokens_ = 0;
  RowStore rows_;
};

// The first position that a query sees of the last n_recent ones, its own included.
inline size_t first_visible(size_t n_recent, size_t query) {
  return query + 1 > n_recent ? query + 1 - n_recent : 0;
}

// Shows positions [begin, end) in as many segments as the places of their keys and values take; the ages are those of
// all of them.
void show_rows(const RecentRows& keys, const RecentRows& values, size_t begin, size_t end, size_t min_age,
               size_t max_age, View& view);

}  // namespace proxima
