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

std::vector<double> decode_row(DType dtype, const std::byte* row, size_t n) {
  std::vector<double> values(n);
  for (size_t k = 0; k < n; ++k) {
    if (dtype == DType::kQ8_0) {
      const std::byte* block = row + k / 32 * 34;
      values[k] = decode(DType::kF16, block) * std::to_integer<int8_t>(block[2 + k % 32]);
    } else {
      values[k] = decode(dtype, row + k * dtype_bytes(dtype));
    }
  }
  return values;
}

void encode_row(const double* values, size_t n, DType dtype, std::byte* row) {
  if (dtype != DType::kQ8_0) {
    for (size_t k = 0; k < n; ++k) encode(values[k], dtype, row + k * dtype_bytes(dtype));
    return;
  }
  for (size_t begin = 0; begin < n; begin += 32, row += 34) {
    double largest = 0;
    for (size_t k = begin; k < begin + 32; ++k) largest = std::max(largest, std::abs(values[k]));
    encode(largest / 127, DType::kF16, row);
    const double scale = decode(DType::kF16, row);
    for (size_t k = 0; k < 32; ++k) {
      const double steps = scale == 0 ? 0 : std::clamp(std::nearbyint(values[begin + k] / scale), -127.0, 127.0);
      row[2 + k] = static_cast<std::byte>(static_cast<int>(steps));
    }
  }
}

StoredMatrix::StoredMatrix(DType dtype, size_t n_rows, size_t n, const std::vector<double>& values, size_t offset_bytes,
                           size_t padding)
    : dtype_(dtype), n_(n), stride_bytes_(row_bytes(dtype, n + padding * block_elements(dtype))), values_(n_rows * n) {
  constexpr size_t kAlignment = 64;
  bytes_.assign(n_rows * stride_bytes_ + offset_bytes + kAlignment,
                std::byte{0xFF});  // all ones are NaN in each format
  begin_ = (kAlignment - reinterpret_cast<uintptr_t>(bytes_.data()) % kAlignment) % kAlignment + offset_bytes;
  for (size_t row = 0; row < n_rows; ++row) {
    std::byte* stored = bytes_.data() + begin_ + row * stride_bytes_;
    encode_row(values.data() + row * n, n, dtype, stored);
    std::ranges::copy(decode_row(dtype, stored, n), values_.begin() + static_cast<ptrdiff_t>(row * n));
  }
}

}  // namespace proxima::test
