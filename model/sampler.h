// SPDX-License-Identifier: MIT
// Picks the next token from logits. Greedy unless a temperature is set; the random numbers are a function of (seed,
// number of tokens picked), so a run can be repeated anywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/config.h"

namespace proxima {

struct SamplerOptions {
  double temperature = 0;  // 0: greedy
  size_t top_k = 0;        // 0: off
  double top_p = 1;        // 1: off; smallest set of most probable tokens whose mass reaches top_p
  double min_p = 0;        // 0: off; tokens at least min_p times as probable as the best one
  uint64_t seed = 0;
};

class Sampler {
 public:
  // Throws Error(kUsage) for values out of range.
  explicit Sampler(const SamplerOptions& options);

  // Ties go to the smaller id. top_k, top_p and min_p apply in this order, then temperature scales what is left.
  TokenId pick(std::span<const double> logits);

 private:
  struct Candidate {
    TokenId id;
    double logit;
    double probability;
  };
  SamplerOptions options_;
  uint64_t n_picked_ = 0;
  std::vector<Candidate> candidates_;
};

}  // namespace proxima
