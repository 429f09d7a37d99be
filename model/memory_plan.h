// SPDX-License-Identifier: MIT
// What a run will need, from the config and the headers alone, before any weight is read.
#pragma once

#include <cstddef>
#include <optional>

#include "kvcache/kv_budget.h"
#include "model/transformer.h"

namespace proxima {

struct MemoryRequest {
  Precision precision = Precision::kFast;
  TransformerLimits limits;  // max_context is planned to be filled
  int n_threads = 1;
  DType key_dtype = DType::kBF16;
  DType value_dtype = DType::kBF16;
  CacheChoice cache = {};
  std::optional<KvBudget> budget = {};  // still to be applied to the cache
  bool int8_weights = false;            // multiplied by as quantized at load
};

CacheCapacity cache_capacity(const MemoryRequest& request);

// All in bytes.
struct MemoryPlan {
  size_t weights = 0;   // mapped from the files, or quantized; must stay resident for the run to be fast
  CacheBytes kv;        // after the prompt, at max_context tokens
  CacheBytes reading;   // at the end of reading a prompt of max_context tokens, slack included
  size_t kv_dense = 0;  // what the dense cache would keep: kv.logical against this is the saving
  size_t scratch = 0;   // activations, attention, products, logits
  size_t program = 0;   // code, libraries with their buffers, tokenizer: an allowance, see memory_plan.cpp
  size_t peak = 0;      // of resident memory, weights included
};

MemoryPlan plan_memory(const ModelConfig& config, size_t weights_bytes, const MemoryRequest& request);

// The longest context, at most `limit`, whose peak fits `available` bytes; 0 if none does.
size_t largest_context(const ModelConfig& config, size_t weights_bytes, const MemoryRequest& request, size_t limit,
                       size_t available);

}  // namespace proxima
