// SPDX-License-Identifier: MIT
// Fills a cache with rows that say whose they are, and checks what it shows for each query against the definition.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "kvcache/kv_cache.h"

namespace proxima::test {

// Rows of head_dim >= 4 floats: layer, KV head, position, and 0 for a key or 1 for a value. Keys and values are F32.
struct RowLabel {
  float layer, head, position, is_value;
  bool operator==(const RowLabel&) const = default;
};

inline RowLabel label_at(const StoredRows& rows, size_t row) {
  RowLabel label{};
  std::memcpy(&label, rows.from(row).data, sizeof(label));
  return label;
}

// Appends the next n tokens to every layer; check(layer) after each one's append.
template <class Check>
void append_labelled(KvCache& cache, size_t n, Check check) {
  const CacheGeometry& g = cache.geometry();
  const size_t first = cache.n_tokens();
  for (size_t layer = 0; layer < g.n_layers; ++layer) {
    std::vector<float> rows[2];
    for (size_t kind = 0; kind < 2; ++kind) {
      rows[kind].resize(n * g.n_kv_heads * g.head_dim, -1);
      for (size_t row = 0; row < n * g.n_kv_heads; ++row) {
        const RowLabel label{static_cast<float>(layer), static_cast<float>(row % g.n_kv_heads),
                             static_cast<float>(first + row / g.n_kv_heads), static_cast<float>(kind)};
        std::memcpy(rows[kind].data() + row * g.head_dim, &label, sizeof(label));
      }
    }
    const auto bytes = [](const std::vector<float>& x) { return reinterpret_cast<const std::byte*>(x.data()); };
    cache.append(layer, n, bytes(rows[0]), bytes(rows[1]));
    check(layer);
  }
}

// Each of the layer's last n_queries queries must see every position up to its own, or those of its layer's window,
// exactly once, in order, with the value of (layer, head) and the key of (key_layer(head, query, position), head).
template <class KeyLayer>
void expect_each_position_once(const KvCache& cache, size_t layer, size_t n_tokens, size_t n_queries,
                               KeyLayer key_layer) {
  for (size_t head = 0; head < cache.geometry().n_kv_heads; ++head) {
    View view;
    cache.show(layer, head, n_queries, view);
    for (size_t query = n_tokens - n_queries; query < n_tokens; ++query) {
      const size_t window = cache.geometry().window(layer);
      size_t next = query + 1 - std::min(query + 1, window);
      for (const Segment& segment : view) {
        for (size_t row = 0; row < segment.count; ++row) {
          const size_t j = segment.position(row);
          if (j > query || query - j < segment.min_age || query - j >= std::min(segment.max_age, window)) continue;
          ASSERT_EQ(j, next) << "layer " << layer << " head " << head << " query " << query;
          const auto of = [&](size_t owner, float kind) {
            return RowLabel{static_cast<float>(owner), static_cast<float>(head), static_cast<float>(j), kind};
          };
          ASSERT_EQ(label_at(segment.keys, row), of(key_layer(head, query, j), 0))
              << "layer " << layer << " head " << head << " query " << query << " position " << j;
          ASSERT_EQ(label_at(segment.values, row), of(layer, 1)) << "position " << j;
          ++next;
        }
      }
      ASSERT_EQ(next, query + 1) << "layer " << layer << " head " << head;
    }
  }
}

}  // namespace proxima::test
