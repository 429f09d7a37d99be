// SPDX-License-Identifier: MIT
#include "kvcache/recent_rows.h"

#include <algorithm>
#include <stdexcept>

namespace proxima {

// No sequence is longer than the context, so counts beyond it mean the same and would only overflow.
RecentRows::RecentRows(const KeptTokens& kept, const CacheCapacity& capacity, size_t row_elements, DType dtype)
    : n_first_(std::min(kept.n_first, capacity.max_context)),
      n_recent_(std::min(kept.n_recent, capacity.max_context)),
      max_chunk_(capacity.max_chunk),
      ring_(n_recent_),
      rows_(std::min(capacity.max_context, n_first_ + n_recent_ + max_chunk_ - 1), row_elements, dtype) {}

void RecentRows::append(size_t n, const std::byte* source, size_t source_stride) {
  if (n_recent_ + n - 1 > ring_ && n_tokens_ + n > n_first_ + ring_) {
    throw std::logic_error("a chunk longer than max_chunk, or one outside begin_prompt() and end_prompt()");
  }
  write(n_tokens_, n, source, source_stride);
  n_tokens_ += n;
}

void RecentRows::write(size_t position, size_t n, const std::byte* source, size_t source_stride) {
  while (n > 0) {
    const size_t count = std::min(n, run(position));
    rows_.write(slot(position), count, source, source_stride);
    source += count * source_stride;
    position += count;
    n -= count;
  }
}

size_t RecentRows::run(size_t position) const {
  return position < n_first_ ? n_first_ - position : n_first_ + ring_ - slot(position);
}

// Moves the recent rows to where a ring of the new size wants them.
void RecentRows::resize(size_t ring) {
  const bool none_moves = n_tokens_ <= n_first_ + std::min(ring, ring_);
  if (ring == ring_ || none_moves) {
    ring_ = ring;
    return;
  }
  const size_t begin = std::max(n_first_, n_tokens_ - std::min(n_tokens_, n_recent_));
  std::vector<std::byte> recent;
  for (size_t position = begin; position < n_tokens_; ++position) {
    const std::byte* row = at(position).data;
    recent.insert(recent.end(), row, row + row_bytes());
  }
  ring_ = ring;
  rows_.truncate(std::min(n_first_ + ring_, n_tokens_));
  write(begin, n_tokens_ - begin, recent.data(), row_bytes());
}

CacheBytes RecentRows::bytes() const {
  const size_t kept = std::min(n_tokens_, n_first_ + n_recent_);
  const size_t held = std::min(n_tokens_, n_first_ + ring_);
  return {kept * row_bytes(), (held - kept) * row_bytes(), rows_.allocated_bytes(), rows_.reserved_bytes()};
}

void RecentRows::clear() {
  rows_.truncate(0);
  ring_ = n_recent_;
  n_tokens_ = 0;
}

std::vector<RowRun> RecentRows::kept(size_t n_tokens) const {
  if (ring_ != n_recent_) throw std::logic_error("a cache is saved and restored outside of prompts");
  std::vector<RowRun> runs;
  const auto add = [&](size_t begin, size_t end) {
    while (begin < end) {
      const size_t count = std::min(end - begin, run(begin));
      runs.push_back({begin, count, at(begin).data});
      begin += count;
    }
  };
  const size_t n_first = std::min(n_first_, n_tokens);
  add(0, n_first);
  add(std::max(n_first, n_tokens - std::min(n_tokens, n_recent_)), n_tokens);
  return runs;
}

void RecentRows::restore(size_t n_tokens, const std::vector<RowRun>& rows) {
  clear();
  n_tokens_ = n_tokens;
  for (const RowRun& run : rows) write(run.first, run.count, run.data, row_bytes());
}

void show_rows(const RecentRows& keys, const RecentRows& values, size_t begin, size_t end, size_t min_age,
               size_t max_age, View& view) {
  while (begin < end) {
    const size_t count = std::min({end - begin, keys.run(begin), values.run(begin)});
    view.push_back({.keys = keys.at(begin),
                    .values = values.at(begin),
                    .first = begin,
                    .count = count,
                    .min_age = min_age,
                    .max_age = max_age});
    begin += count;
  }
}

}  // namespace proxima
