// SPDX-License-Identifier: MIT
#include "core/int8_matrix.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace proxima {
namespace {

size_t groups_of(size_t n_out) {
  return (n_out + kInt8Lanes - 1) / kInt8Lanes;
}

size_t quads_of(size_t n_in) {
  return (n_in + kInt8Quad - 1) / kInt8Quad;
}

constexpr size_t kQuadBytes = kInt8Lanes * kInt8Quad;

// NaN where an element is not finite, so that products show it.
float row_scale(const float* row, size_t n) {
  float largest = 0, no_number = 0;
  for (size_t k = 0; k < n; ++k) {
    largest = std::max(largest, std::abs(row[k]));
    no_number += row[k] * 0;
  }
  return (largest + no_number) / 127;
}

}  // namespace

Int8Matrix::Int8Matrix(const StoredRows& rows, size_t n_out, size_t n_in, const Compute& compute)
    : n_out_(n_out),
      n_quads_(quads_of(n_in)),
      scales_(groups_of(n_out) * kInt8Lanes),
      bytes_(ReservedMemory::whole_pages(groups_of(n_out) * n_quads_ * kQuadBytes)) {
  const int n_threads = compute.threads_for(n_out * n_in);
#pragma omp parallel for schedule(static) num_threads(n_threads)
  for (size_t group = 0; group < groups_of(n_out); ++group) quantize_group(group, rows, n_in, compute.kernels->f32);
}

size_t Int8Matrix::n_bytes(size_t n_out, size_t n_in) {
  const size_t bytes = groups_of(n_out) * quads_of(n_in) * kQuadBytes;
  return ReservedMemory::whole_pages(bytes) + groups_of(n_out) * kInt8Lanes * sizeof(float);
}

void Int8Matrix::quantize_group(size_t group, const StoredRows& rows, size_t n_in,
                                const Arithmetic<float>& arithmetic) {
  auto* bytes = reinterpret_cast<uint8_t*>(bytes_.data()) + group * n_quads_ * kQuadBytes;
  std::fill_n(bytes, n_quads_ * kQuadBytes, uint8_t{128});
  std::vector<float> row(n_in);
  for (size_t lane = 0; lane < std::min(kInt8Lanes, n_out_ - group * kInt8Lanes); ++lane) {
    const size_t index = group * kInt8Lanes + lane;
    arithmetic.widen(rows.from(index).data, rows.dtype, n_in, row.data());
    const float scale = row_scale(row.data(), n_in);
    scales_[index] = scale;
    if (!(scale > 0)) continue;
    for (size_t k = 0; k < n_in; ++k) {
      // Adding 1.5 * 2^23 rounds to the nearest integer, ties to even.
      const float steps = std::clamp(row[k] / scale, -127.0F, 127.0F) + 0x1.8p23F;
      bytes[(k / kInt8Quad * kInt8Lanes + lane) * kInt8Quad + k % kInt8Quad] =
          static_cast<uint8_t>(static_cast<int>(steps - 0x1.8p23F) + 128);
    }
  }
}

}  // namespace proxima
