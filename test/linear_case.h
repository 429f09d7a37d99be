// SPDX-License-Identifier: MIT
// A random product y = x W^T + b and how far a result is from it.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/matrix.h"
#include "test/random.h"
#include "test/stored_matrix.h"

namespace proxima::test {

inline double to_bf16(double x) {
  std::byte element[2];
  encode(x, DType::kBF16, element);
  return decode(DType::kBF16, element);
}

template <class T>
struct LinearCase {  // W of n_out rows at an odd address, x [n_rows, n_in]
  LinearCase(Random& random, DType dtype, size_t n_rows_in, size_t n_out, size_t n_in, bool with_bias)
      : n_rows(n_rows_in),
        w(dtype, n_out, n_in, random.numbers<double>(n_out * n_in), 1 + random.below(63)),
        matrix{w.rows(), n_out, n_in},
        x(random.numbers<T>(n_rows * n_in)),
        bias(random.numbers<T>(with_bias ? n_out : 0)) {}

  // The largest |y - x W^T - b|, relative to the sum of the terms' magnitudes, NaN if one is; x as it is or rounded
  // to bf16.
  double error(const std::vector<T>& y, bool rounded_x) const {
    double largest = 0;
    for (size_t r = 0; r < n_rows; ++r) {
      for (size_t o = 0; o < matrix.n_out; ++o) {
        double sum = bias.empty() ? 0 : static_cast<double>(bias[o]), magnitude = std::abs(sum);
        for (size_t k = 0; k < matrix.n_in; ++k) {
          const auto element = static_cast<double>(x[r * matrix.n_in + k]);
          const double term = (rounded_x ? to_bf16(element) : element) * w.at(o, k);
          sum += term;
          magnitude += std::abs(term);
        }
        const double off = std::abs(static_cast<double>(y[r * matrix.n_out + o]) - sum);
        if (std::isnan(off)) return off;
        if (off > 0) largest = std::max(largest, off / magnitude);
      }
    }
    return largest;
  }

  size_t n_rows;
  StoredMatrix w;
  Matrix matrix;
  std::vector<T> x, bias;
};

}  // namespace proxima::test
