// SPDX-License-Identifier: MIT
// The kernels of int8_kernels.h for any target. Included once per target, after Lanes and Sums.

#include "core/int8_product-inl.h"

inline void int8_quantize(const float* x, size_t n, int8_t* steps, float* scales, int32_t* offsets) {
  static_assert(kInt8Block <= kMostSteps);
  for (size_t begin = 0; begin < n; begin += kInt8Block, x += kInt8Block, steps += kInt8Block) {
    const size_t count = n - begin < kInt8Block ? n - begin : kInt8Block;
    const float scale = largest_magnitude(x, count) / 127;
    *scales++ = scale;
    const bool some = scale > 0;  // neither 0 nor NaN
    *offsets++ = some ? -128 * steps_of(x, count, scale, steps) : 0;
    if (!some) std::memset(steps, 0, count);
    for (size_t i = count; i % kInt8Quad != 0; ++i) steps[i] = 0;
  }
}

constexpr Int8Kernels int8_kernels() {
  return {int8_quantize, int8_multiply};
}
