// SPDX-License-Identifier: MIT
// How long reading a prompt will still take. Attention makes the cost of n tokens a n + b n^2, so a rate measured at
// the beginning of a long document promises too much.
#pragma once

#include <cstddef>
#include <vector>

#include "model/config.h"

namespace proxima {

class ReadingEstimate {
 public:
  // attention_share: b / a as long as too little is measured.
  explicit ReadingEstimate(double attention_share) : attention_share_(attention_share) {}

  // `seconds` have passed when `done` tokens were read.
  void add(size_t done, double seconds);
  double seconds_left(size_t total) const;  // 0 before the first sample

 private:
  struct Cost {
    double linear;     // seconds a token
    double quadratic;  // seconds a token and token before it
  };
  Cost fit() const;

  double attention_share_;
  std::vector<std::pair<double, double>> samples_;  // tokens, seconds
};

// b / a by counting multiplications: attention's against those of the weight matrices.
double attention_share(const ModelConfig& config);

}  // namespace proxima
