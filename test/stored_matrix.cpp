// SPDX-License-Identifier: MIT
#include "test/stored_matrix.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace proxima::test {
namespace {

struct Format {
  int exponent_bits;
  int mantissa_bits;
};

Format format_of(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return {11, 52};
    case DType::kF32:
      return {8, 23};
    case DType::kF16:
      return {5, 10};
    case DType::kBF16:
      return {8, 7};
    default:
      throw std::logic_error("stored_matrix: not a floating-point dtype");
  }
}

}  // namespace

double decode(DType dtype, const std::byte* element) {
  const Format format = format_of(dtype);
  uint64_t bits = 0;
  std::memcpy(&bits, element, dtype_bytes(dtype));  // little endian
  const auto mantissa = static_cast<double>(bits & ((uint64_t{1} << format.mantissa_bits) - 1));
  const uint64_t largest_exponent = (uint64_t{1} << format.exponent_bits) - 1;
  const uint64_t exponent = bits >> format.mantissa_bits & largest_exponent;
  const double sign = (bits >> (format.mantissa_bits + format.exponent_bits) & 1) != 0 ? -1 : 1;
  if (exponent == largest_exponent) {
    return mantissa == 0 ? sign * std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  }
  const int bias = (1 << (format.exponent_bits - 1)) - 1;
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - format.mantissa_bits);
  return sign * std::ldexp(1 + std::ldexp(mantissa, -format.mantissa_bits), static_cast<int>(exponent) - bias);
}

void encode(double value, DType dtype, std::byte* element) {
  const Format format = format_of(dtype);
  const int bias = (1 << (format.exponent_bits - 1)) - 1;
  const uint64_t infinity = ((uint64_t{1} << format.exponent_bits) - 1) << format.mantissa_bits;
  uint64_t bits = infinity;
  if (std::isnan(value)) {
    bits |= uint64_t{1} << (format.mantissa_bits - 1);
  } else if (std::isfinite(value)) {
    int exponent = 0;
    std::frexp(value, &exponent);  // value = f * 2^exponent, 1/2 <= |f| < 1
    exponent = value == 0 ? 1 - bias : std::max(exponent - 1, 1 - bias);
    // In units of the last place; a carry out of the mantissa lands in the exponent field by itself.
    const double units = std::nearbyint(std::ldexp(std::abs(value), format.mantissa_bits - exponent));
    bits = static_cast<uint64_t>(units) + (static_cast<uint64_t>(exponent + bias - 1) << format.mantissa_bits);
    bits = std::min(bits, infinity);
  }
  if (std::signbit(value)) bits |= uint64_t{1} << (format.mantissa_bits + format.exponent_bits);
  std::memcpy(element, &bits, dtype_bytes(dtype));
}

StoredMatrix::StoredMatrix(DType dtype, size_t n_rows, size_t n, const std::vector<double>& values, size_t offset_bytes,
                           size_t padding)
    : dtype_(dtype), n_(n), stride_bytes_((n + padding) * dtype_bytes(dtype)), values_(n_rows * n) {
  constexpr size_t kAlignment = 64;
  bytes_.assign(n_rows * stride_bytes_ + offset_bytes + kAlignment,
                std::byte{0xFF});  // all ones are NaN in each format
  begin_ = (kAlignment - reinterpret_cast<uintptr_t>(bytes_.data()) % kAlignment) % kAlignment + offset_bytes;
  for (size_t row = 0; row < n_rows; ++row) {
    for (size_t column = 0; column < n; ++column) {
      std::byte* element = bytes_.data() + begin_ + row * stride_bytes_ + column * dtype_bytes(dtype);
      encode(values[row * n + column], dtype, element);
      values_[row * n + column] = decode(dtype, element);
    }
  }
}

}  // namespace proxima::test
