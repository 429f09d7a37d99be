// SPDX-License-Identifier: MIT
// Products of activations and weights that are both bytes, as a table of functions per instruction set.
//
// Weights are quantized row by row and kept in the order in which the products read them: groups of 16 rows; of a
// group, for each 4 consecutive columns, 16 times 4 bytes, each the weight's step of -127..127 plus 128, since the
// instruction that multiplies and adds four bytes at once takes one unsigned factor. The offset -128 sum(q) takes the
// 128 out again.
//
// Activations are quantized in blocks of 64 along the row, each with its own scale: an outlier takes bits from its
// block only. On the model of data/toy the mean divergence from f64 is 0.00018 nats with blocks of 64, 0.00024 with
// 128, 0.00041 with whole rows; 16 steps of the product pay for one scaling. Sums within a block are exact integers
// below 2^24 and so are their floats; blocks are added in order by fused multiply-adds. So every instruction set gives
// the same bits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/processor.h"

namespace proxima {

constexpr size_t kInt8Lanes = 16;  // rows of weights in a group
constexpr size_t kInt8Quad = 4;    // columns that a step takes
constexpr size_t kInt8Block = 64;  // activations that share a scale

// Four steps as the bits of one integer.
inline int32_t quad_bits(const int8_t* steps) {
  int32_t bits = 0;
  std::memcpy(&bits, steps, sizeof(bits));
  return bits;
}

// Quantized activations; the last block may be shorter, and zeros fill its last quad.
struct Int8Rows {
  const int8_t* steps = nullptr;     // [n_rows, stride]
  const float* scales = nullptr;     // [n_rows, n_blocks]
  const int32_t* offsets = nullptr;  // [n_rows, n_blocks] -128 times the sum of the block's steps
  size_t stride = 0;
  size_t n_blocks = 0;

  Int8Rows from(size_t row) const {
    return {steps + row * stride, scales + row * n_blocks, offsets + row * n_blocks, stride, n_blocks};
  }
};

// Consecutive groups of weights.
struct Int8Groups {
  const uint8_t* bytes = nullptr;  // [n_groups, n_quads, 16, 4]
  const float* scales = nullptr;   // [n_groups, 16]
  size_t n_quads = 0;              // of a row

  size_t group_bytes() const { return n_quads * kInt8Lanes * kInt8Quad; }
  Int8Groups from(size_t group) const { return {bytes + group * group_bytes(), scales + group * kInt8Lanes, n_quads}; }
};

struct Int8Kernels {
  // One row of n elements: steps [n, padded to a quad], scales and offsets [blocks of n]. A block that is not finite
  // has the scale NaN.
  void (*quantize)(const float* x, size_t n, int8_t* steps, float* scales, int32_t* offsets);

  // y[r, c] = w.scales[c] * sum over blocks of x.scales[r, b] * sum of w's and x's steps, for the n_out first rows of
  // the groups. y [n_rows, n_out], y_stride in elements.
  void (*multiply)(const Int8Rows& x, size_t n_rows, const Int8Groups& w, size_t n_out, float* y, size_t y_stride);
};

// multiply by the four-byte products of the processor: AVX512_VNNI or AVX_VNNI. Null where it, or the build, lacks
// them.
using Int8Multiply = decltype(Int8Kernels::multiply);
Int8Multiply vnni_multiply(SimdTarget target);

}  // namespace proxima
