// SPDX-License-Identifier: MIT
// The forward pass of every family written from the formulas: double throughout, the whole sequence at once, no
// cache, no chunks, no code shared with core/ but the reading of files. The oracle of the runtime's three precisions.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "kvcache/sharing_map.h"
#include "model/weights.h"
#include "test/reference_method.h"

namespace proxima::reference {

struct Options {
  const SharingMap* pod = nullptr;  // dense where null
  // The oracle of `fast`: what enters a product with a weight matrix, and keys and values, are rounded to bf16; sums
  // stay double and weights as stored.
  bool round_bf16 = false;
  std::optional<DType> kv_dtype = {};  // that keys and values are rounded to, instead
  size_t prompt_length = 0;            // for dynamic RoPE and longrope; 0: all ids
  bool keep_scores = false;
  Method* method = nullptr;  // instead of dense or pod
};

struct Result {
  std::vector<double> logits;  // [T, vocab]
  std::vector<std::vector<double>>
      hidden;  // [n_layers + 1] of [T, hidden]: scaled embeddings, ..., final norm, as HF says it
  std::vector<std::vector<double>> keys;       // [n_layers] of [n_kv_heads, T, head_dim], rotated
  std::vector<std::vector<double>> values;     // likewise
  std::vector<std::vector<double>> queries;    // [n_layers] of [T, n_heads, head_dim], rotated
  std::vector<std::vector<double>> attention;  // [n_layers] of [T, hidden], after o_proj
  std::vector<std::vector<double>> scores;     // [n_layers] of [n_heads, T, T], softmax probabilities, if asked for
};

Result run(const Model& model, std::span<const TokenId> ids, const Options& options = {});

}  // namespace proxima::reference
