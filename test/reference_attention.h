// SPDX-License-Identifier: MIT
// Attention of one query head at one position, in double, straight from the formulas. Slow on purpose.
#pragma once

#include <cstddef>
#include <vector>

namespace proxima::reference {

// The keys and values one query may use, as pointers to rows of head_dim elements.
struct KeyValueRows {
  std::vector<const double*> keys;
  std::vector<const double*> values;
  void add(const double* key, const double* value) {
    keys.push_back(key);
    values.push_back(value);
  }
  size_t count() const { return keys.size(); }
};

// softmax(s_j) v_j, s_j = scale * q k_j, or softcap * tanh(s_j / softcap) of that where softcap is not 0, and the log
// of its denominator; zeros and -infinity where there are no keys.
struct Softmax {
  std::vector<double> out;      // [head_dim]
  std::vector<double> weights;  // of the keys; their sum is 1
  double log_sum_exp;
};
Softmax attend(const double* q, const KeyValueRows& rows, size_t head_dim, double scale, double softcap = 0);

// PoD as its paper puts it (arXiv 2412.02252): one softmax over the proximal tokens, one over the distant tokens, and
// the gate g = S_P / (S_P + S_D) between their outputs. The weights are those of the proximal keys, then the distant.
Softmax attend_gated(const double* q, const KeyValueRows& proximal, const KeyValueRows& distant, size_t head_dim,
                     double scale, double softcap = 0);

}  // namespace proxima::reference
