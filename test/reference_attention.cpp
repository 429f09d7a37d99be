// SPDX-License-Identifier: MIT
#include "test/reference_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace proxima::reference {

Softmax attend(const double* q, const KeyValueRows& rows, size_t head_dim, double scale, double softcap) {
  Softmax result{std::vector<double>(head_dim), {}, -std::numeric_limits<double>::infinity()};
  if (rows.count() == 0) return result;
  std::vector<double> scores;
  for (const double* key : rows.keys) {
    double product = 0;
    for (size_t i = 0; i < head_dim; ++i) product += q[i] * key[i];
    const double score = scale * product;
    scores.push_back(softcap == 0 ? score : softcap * std::tanh(score / softcap));
  }
  const double largest = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (size_t row = 0; row < rows.count(); ++row) {
    const double p = std::exp(scores[row] - largest);
    result.weights.push_back(p);
    sum += p;
    for (size_t i = 0; i < head_dim; ++i) result.out[i] += p * rows.values[row][i];
  }
  for (double& x : result.out) x /= sum;
  for (double& p : result.weights) p /= sum;
  result.log_sum_exp = largest + std::log(sum);
  return result;
}

Softmax attend_gated(const double* q, const KeyValueRows& proximal, const KeyValueRows& distant, size_t head_dim,
                     double scale, double softcap) {
  const Softmax near = attend(q, proximal, head_dim, scale, softcap);
  const Softmax far = attend(q, distant, head_dim, scale, softcap);
  const double gate = 1 / (1 + std::exp(far.log_sum_exp - near.log_sum_exp));
  Softmax joint{std::vector<double>(head_dim), {}, near.log_sum_exp - std::log(gate)};
  for (size_t i = 0; i < head_dim; ++i) joint.out[i] = gate * near.out[i] + (1 - gate) * far.out[i];
  for (const double p : near.weights) joint.weights.push_back(gate * p);
  for (const double p : far.weights) joint.weights.push_back((1 - gate) * p);
  return joint;
}

}  // namespace proxima::reference
