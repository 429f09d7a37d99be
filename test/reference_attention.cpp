// SPDX-License-Identifier: MIT
#include "test/reference_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace proxima::reference {

Softmax attend(const double* q, const KeyValueRows& rows, size_t head_dim, double scale) {
  Softmax result{std::vector<double>(head_dim), -std::numeric_limits<double>::infinity()};
  if (rows.count() == 0) return result;
  std::vector<double> scores;
  for (const double* key : rows.keys) {
    double product = 0;
    for (size_t i = 0; i < head_dim; ++i) product += q[i] * key[i];
    scores.push_back(scale * product);
  }
  const double largest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (size_t row = 0; row < rows.count(); ++row) {
    const double p = std::exp(scores[row] - largest);
    sum += p;
    for (size_t i = 0; i < head_dim; ++i) result.out[i] += p * rows.values[row][i];
  }
  for (double& x : result.out) x /= sum;
  result.log_sum_exp = largest + std::log(sum);
  return result;
}

std::vector<double> attend_gated(const double* q, const KeyValueRows& proximal, const KeyValueRows& distant,
                                 size_t head_dim, double scale) {
  const Softmax near = attend(q, proximal, head_dim, scale);
  const Softmax far = attend(q, distant, head_dim, scale);
  const double gate = 1 / (1 + std::exp(far.log_sum_exp - near.log_sum_exp));
  std::vector<double> out(head_dim);
  for (size_t i = 0; i < head_dim; ++i) out[i] = gate * near.out[i] + (1 - gate) * far.out[i];
  return out;
}

}  // namespace proxima::reference
