// SPDX-License-Identifier: MIT
// What a query may use under each KV method, written from the methods' definitions for the reference transformer: whole
// sequences, positions in plain lists, no storage. n_prompt tokens are the prompt, the rest are decoded one by one.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "kvcache/cache_choice.h"
#include "model/config.h"

namespace proxima::reference {

// A key that a query uses: at `position`, of another layer's store where that is so, met at this distance.
struct UsedKey {
  size_t position;
  size_t key_layer;
  size_t value_layer;
  size_t distance;
};

// Of one layer, KV head and query, as the reference hands them over.
struct QueryPlace {
  size_t layer;
  size_t kv_head;
  size_t query;
  std::vector<const double*> q;                                                     // the group's, rotated
  std::function<const double*(size_t layer, size_t kv_head, size_t position)> key;  // rotated, as stored
};

class Method {
 public:
  virtual ~Method() = default;
  // In order of position. The model's own mask is applied by the caller.
  virtual std::vector<UsedKey> uses(const QueryPlace& place) = 0;
  // Whether the group's query head g leaves out each of these keys, whose scaled scores these are; empty: none.
  virtual std::vector<bool> leaves_out(const QueryPlace& /*place*/, size_t /*g*/, const std::vector<UsedKey>& /*keys*/,
                                       const std::vector<double>& /*scores*/) {
    return {};
  }
  // What the keys of uses() got: the mean over the group's query heads. Layer by layer, queries ascending.
  virtual void attended(const QueryPlace& /*place*/, const std::vector<UsedKey>& /*keys*/,
                        const std::vector<double>& /*weights*/) {}
  // Kept positions of a cell after the whole sequence, where the method forgets any by choice.
  virtual const std::vector<size_t>* kept(size_t /*layer*/, size_t /*kv_head*/) const { return nullptr; }
};

std::unique_ptr<Method> method_of(const CacheChoice& choice, const ModelConfig& config, size_t n_prompt);

}  // namespace proxima::reference
