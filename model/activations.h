// SPDX-License-Identifier: MIT
// All scratch of one forward pass, allocated once. C = tokens of a chunk.
#pragma once

#include <algorithm>
#include <cstddef>

#include "core/aligned.h"
#include "model/config.h"

namespace proxima {

// Rows of logits computed at a time when all of a chunk are wanted: bounds [C, vocab] for large vocabularies.
constexpr size_t kLogitRows = 32;

template <class T>
struct Activations {
  Activations(const ModelConfig& config, size_t chunk)
      : residual(chunk * config.hidden),
        normed(chunk * config.hidden),
        projected(chunk * config.hidden),
        q(chunk * config.n_heads * config.head_dim),
        k(chunk * config.n_kv_heads * config.head_dim),
        v(chunk * config.n_kv_heads * config.head_dim),
        attended(chunk * config.n_heads * config.head_dim),
        gate(chunk * config.intermediate),
        up(chunk * config.intermediate),
        logits(std::min(chunk, kLogitRows) * config.vocab),
        stored_keys(chunk * config.n_kv_heads * config.head_dim * sizeof(T)),
        stored_values(chunk * config.n_kv_heads * config.head_dim * sizeof(T)) {}

  // The sum of the above, without allocating it.
  static size_t n_bytes(const ModelConfig& config, size_t chunk) {
    const size_t q_width = config.n_heads * config.head_dim;
    const size_t kv_width = config.n_kv_heads * config.head_dim;
    const size_t per_token = 3 * config.hidden + 2 * q_width + 4 * kv_width + 2 * config.intermediate;
    return (chunk * per_token + std::min(chunk, kLogitRows) * config.vocab) * sizeof(T);
  }

  AlignedVector<T> residual;               // [C, hidden]
  AlignedVector<T> normed;                 // [C, hidden]
  AlignedVector<T> projected;              // [C, hidden], a block's contribution to the residual
  AlignedVector<T> q;                      // [C, n_heads * head_dim]
  AlignedVector<T> capped_q;               // likewise, where the cache caps the queries' positions, else empty
  AlignedVector<T> k;                      // [C, n_kv_heads * head_dim]
  AlignedVector<T> v;                      // [C, n_kv_heads * head_dim]
  AlignedVector<T> attended;               // [C, n_heads * head_dim]
  AlignedVector<T> gate;                   // [C, intermediate]
  AlignedVector<T> up;                     // [C, intermediate]
  AlignedVector<T> logits;                 // [min(C, kLogitRows), vocab]
  AlignedVector<std::byte> stored_keys;    // [C, n_kv_heads * head_dim] in the cache's dtype, at most T
  AlignedVector<std::byte> stored_values;  // likewise
};

}  // namespace proxima
