// SPDX-License-Identifier: MIT
#include "apps/tensor_error.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <vector>

namespace proxima {
namespace {

template <class Stored>
void widen_row(const std::byte* data, std::vector<double>& row) {
  for (double& x : row) {
    Stored stored;
    std::memcpy(&stored, data, sizeof(Stored));
    x = static_cast<double>(widen(stored));
    data += sizeof(Stored);
  }
}

void read_row(const RowsView& view, size_t head, size_t index, std::vector<double>& row) {
  const std::byte* data = view.data + (head * view.head_stride + index * view.row_stride) * dtype_bytes(view.dtype);
  switch (view.dtype) {
    case DType::kF64:
      return widen_row<double>(data, row);
    case DType::kF32:
      return widen_row<float>(data, row);
    case DType::kF16:
      return widen_row<F16>(data, row);
    case DType::kBF16:
      return widen_row<BF16>(data, row);
    default:
      throw std::logic_error("RowsView: not a floating-point dtype");
  }
}

void count(double x, NonFiniteCount& counts) {
  if (std::isnan(x)) ++counts.n_nan;
  if (std::isinf(x)) ++counts.n_infinite;
}

class ErrorSums {
 public:
  explicit ErrorSums(const ElementLimit& limit) : limit_(limit) {}

  void add(const Element& e) {
    count(e.ref, result_.ref);
    count(e.got, result_.got);
    if (std::isfinite(e.ref) && std::isfinite(e.got)) return add_finite(e);
    if (e.ref == e.got) return;  // the same infinity
    ++result_.n_unlike;
    add_beyond(e);
  }

  TensorError finish() {
    if (n_finite_ > 0) result_.mean_abs = sum_abs_ / static_cast<double>(n_finite_);
    if (squared_error_ > 0) {
      result_.nmse = squared_ref_ > 0 ? squared_error_ / squared_ref_ : std::numeric_limits<double>::infinity();
    }
    if (squared_ref_ > 0 || squared_got_ > 0) {
      const double lengths = std::sqrt(squared_ref_) * std::sqrt(squared_got_);
      result_.cosine = lengths > 0 ? product_ / lengths : 0;
    }
    return result_;
  }

 private:
  void add_finite(const Element& e) {
    const double error = std::abs(e.got - e.ref);
    if (!result_.worst || error > result_.max_abs) {
      result_.max_abs = error;
      result_.worst = e;
    }
    ++n_finite_;
    sum_abs_ += error;
    squared_error_ += error * error;
    squared_ref_ += e.ref * e.ref;
    squared_got_ += e.got * e.got;
    product_ += e.ref * e.got;
    if (!(error <= limit_.atol + limit_.rtol * std::abs(e.ref))) add_beyond(e);
  }
  void add_beyond(const Element& e) {
    if (result_.n_beyond++ == 0) result_.first = e;
  }

  ElementLimit limit_;
  TensorError result_;
  size_t n_finite_ = 0;
  double sum_abs_ = 0;
  double squared_error_ = 0;
  double squared_ref_ = 0;
  double squared_got_ = 0;
  double product_ = 0;
};

// The indices of the k largest entries, largest first. NaN counts as smaller than anything.
std::vector<size_t> largest(const std::vector<double>& row, size_t k) {
  std::vector<size_t> order(row.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const auto key = [&](size_t index) {
    return std::isnan(row[index]) ? -std::numeric_limits<double>::infinity() : row[index];
  };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(k), order.end(),
                    [&](size_t a, size_t b) { return key(a) != key(b) ? key(a) > key(b) : a < b; });
  order.resize(k);
  return order;
}

}  // namespace

TensorError measure_error(const RowsView& ref, const RowsView& got, const ElementLimit& limit) {
  ErrorSums sums(limit);
  std::vector<double> ref_row(ref.n_columns), got_row(ref.n_columns);
  for (size_t row = 0; row < ref.n_rows; ++row) {
    for (size_t head = 0; head < ref.n_heads; ++head) {
      read_row(ref, head, row, ref_row);
      read_row(got, head, row, got_row);
      for (size_t column = 0; column < ref.n_columns; ++column) {
        sums.add({head, row, column, ref_row[column], got_row[column]});
      }
    }
  }
  return sums.finish();
}

TopAgreement measure_top(const RowsView& ref, const RowsView& got, size_t k) {
  TopAgreement result;
  result.k = std::min(k, ref.n_columns);
  if (result.k == 0 || ref.n_rows == 0) return result;
  std::vector<double> ref_row(ref.n_columns), got_row(ref.n_columns);
  for (size_t row = 0; row < ref.n_rows; ++row) {
    read_row(ref, 0, row, ref_row);
    read_row(got, 0, row, got_row);
    auto expected = largest(ref_row, result.k);
    auto found = largest(got_row, result.k);
    if (expected.front() == found.front()) result.top1 += 1;
    std::ranges::sort(expected);
    std::ranges::sort(found);
    std::vector<size_t> common;
    std::ranges::set_intersection(expected, found, std::back_inserter(common));
    result.top_k += static_cast<double>(common.size()) / static_cast<double>(result.k);
  }
  result.top1 /= static_cast<double>(ref.n_rows);
  result.top_k /= static_cast<double>(ref.n_rows);
  return result;
}

}  // namespace proxima
