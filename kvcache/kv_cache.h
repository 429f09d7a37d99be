// SPDX-License-Identifier: MIT
// What a sequence remembers. A cache belongs to one sequence; weights and sequence state never mix. The transformer
// knows only this interface: for each layer of each chunk it appends the chunk's keys and values and then asks, per KV
// head, which keys and values the chunk's queries may use (core/attention.h). Each method is one class in its own file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/attention.h"
#include "core/dtype.h"
#include "kvcache/kept_rows.h"

namespace proxima {

// What a model asks of its cache.
struct CacheGeometry {
  size_t n_layers = 0;
  size_t n_kv_heads = 0;
  size_t head_dim = 0;
  // [n_layers] Layers of equal class rotate, mask and shape their keys alike; no cache may share keys across a change.
  std::vector<size_t> layer_class;
  // [n_layers] A query of the layer sees itself and window - 1 tokens before it, SIZE_MAX: all; empty: all in all
  // layers.
  std::vector<size_t> layer_window = {};

  size_t window(size_t layer) const { return layer_window.empty() ? SIZE_MAX : layer_window[layer]; }

  bool operator==(const CacheGeometry&) const = default;
};

// How much a cache may come to hold, and how it stores it.
struct CacheCapacity {
  size_t max_context = 0;  // tokens
  size_t max_chunk = 1;    // largest number of tokens appended at once while a prompt is read
  DType key_dtype = DType::kBF16;
  DType value_dtype = DType::kBF16;
};

struct CacheBytes {
  size_t logical = 0;    // keys and values the method keeps: the closed formula
  size_t slack = 0;      // kept beyond that while a prompt is read in chunks
  size_t allocated = 0;  // memory touched, whole pages
  size_t reserved = 0;   // address space

  CacheBytes& operator+=(const CacheBytes& other);
};

class SkipGate;  // kvcache/skip_gate.h

// Rotated queries of one layer and the arithmetic to use on them.
struct LayerQueries {
  const Kernels* kernels = nullptr;
  DType dtype = DType::kF32;   // F32 or F64
  const void* rows = nullptr;  // [n_queries, n_heads, head_dim]
  size_t n_heads = 0;
};

class KvCache {
 public:
  virtual ~KvCache() = default;

  virtual const CacheGeometry& geometry() const = 0;
  virtual const CacheCapacity& capacity() const = 0;
  // Tokens whose keys and values every layer has taken.
  virtual size_t n_tokens() const = 0;

  // A prompt, or a further part of one, is n_tokens more tokens between begin_prompt() and end_prompt(), read in chunks
  // of at most max_append() tokens; outside, tokens come one at a time. Layers append in ascending order within a
  // chunk. Methods that select tokens do so at the first end_prompt().
  virtual void begin_prompt(size_t n_tokens) = 0;
  virtual void end_prompt() = 0;
  virtual size_t max_append() const { return capacity().max_chunk; }

  // Whether the layer has keys and values of its own to append; one that has not is shown another's.
  virtual bool appends(size_t /*layer*/) const { return true; }

  // Takes keys (rotated) and values of the next n tokens of a layer, [n, n_kv_heads, head_dim] in the cache's dtypes.
  virtual void append(size_t layer, size_t n, const std::byte* keys, const std::byte* values) = 0;

  // Before it, the same keys as they are before their rotation, if the cache wants them.
  virtual bool wants_unrotated_keys() const { return false; }
  virtual void append_unrotated(size_t /*layer*/, size_t /*n*/, const std::byte* /*keys*/) {}

  // After it, the layer's queries, if what is shown depends on them.
  virtual bool wants_queries(size_t /*layer*/, size_t /*n_queries*/) const { return false; }
  virtual void take_queries(size_t /*layer*/, const LayerQueries& /*queries*/) {}

  // What the queries at the layer's last n_queries positions may use of one KV head; replaces the content of `view`.
  // Positions outside the layer's window may be shown: the caller masks them.
  virtual void show(size_t layer, size_t kv_head, size_t n_queries, View& view) const = 0;
  // Segments may want queries rotated at their position or this one, whichever is lower (Segment::capped).
  virtual size_t query_cap() const { return SIZE_MAX; }

  // Decides, where there is one, which queries leave out the segments marked as distant.
  virtual SkipGate* skip_gate() { return nullptr; }
  // What show() shows, with distant tokens in segments of their own in every layer.
  virtual void show_to_gate(size_t layer, size_t kv_head, size_t n_queries, View& view) const {
    show(layer, kv_head, n_queries, view);
  }

  // After the attention of a layer, query by query, the softmax probabilities [n_heads, query + 1] that it gave to each
  // position, if the cache wants them: they cost a second pass over the query's keys.
  virtual bool wants_probabilities(size_t /*layer*/, size_t /*query*/) const { return false; }
  virtual void take_probabilities(size_t /*layer*/, size_t /*query*/, std::span<const double> /*probabilities*/) {}

  virtual CacheBytes bytes(size_t layer) const = 0;
  CacheBytes total_bytes() const;

  virtual void clear() = 0;

  // What a copy of this cache needs, outside of prompts: only rows that are valid, nothing that n_tokens() and the
  // cache's own settings say already. The rows stay the cache's.
  virtual std::vector<KeptRows> save() const = 0;
  // Becomes the cache of n_tokens tokens that save() was called on, one of the same method, geometry and dtypes;
  // max_context and max_chunk may differ. Throws Error(kInput), naming `origin`, for rows that are not just those; the
  // cache must then be cleared.
  virtual void restore(size_t n_tokens, const std::vector<KeptRows>& stores, const std::string& origin) = 0;
};

}  // namespace proxima
