// SPDX-License-Identifier: MIT
// Matrices as files and caches store them, for tests of the kernels: any dtype, any byte address, NaN after each row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "core/dtype.h"
#include "core/kernels.h"
#include "test/random.h"

namespace proxima::test {

// The value of one stored element, read from its bits by the definition of the format.
double decode(DType dtype, const std::byte* element);
// Rounds to nearest even and stores; overflow becomes infinity.
void encode(double value, DType dtype, std::byte* element);

// The same of rows of n elements, of Q8_0 too (n then a multiple of 32).
std::vector<double> decode_row(DType dtype, const std::byte* row, size_t n);
void encode_row(const double* values, size_t n, DType dtype, std::byte* row);

class StoredMatrix {
 public:
  // Rows of n elements each; `values` [n_rows, n] are rounded to dtype. The first element stands offset_bytes beyond a
  // multiple of 64, and padding elements, or blocks, that read as NaN follow every row.
  StoredMatrix(DType dtype, size_t n_rows, size_t n, const std::vector<double>& values, size_t offset_bytes = 0,
               size_t padding = 0);

  StoredRows rows() const { return {bytes_.data() + begin_, dtype_, stride_bytes_}; }
  size_t n() const { return n_; }
  double at(size_t row, size_t column) const { return values_[row * n_ + column]; }  // as stored
  const double* row(size_t row) const { return values_.data() + row * n_; }

 private:
  DType dtype_;
  size_t n_;
  size_t stride_bytes_;
  size_t begin_ = 0;
  std::vector<std::byte> bytes_;
  std::vector<double> values_;
};

// At any byte address, with up to two elements of padding.
inline StoredMatrix random_bf16_rows(Random& random, size_t n_rows, size_t n) {
  return StoredMatrix(DType::kBF16, n_rows, n, random.numbers<double>(n_rows * n), random.below(64), random.below(3));
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

}  // namespace proxima::test
