// SPDX-License-Identifier: MIT
// The product of int8_kernels.h over Sums, 16 integers, and Lanes<float>. Included once per instruction set, after
// both.

// Four columns of R rows by G groups.
template <size_t R, size_t G>
HWY_INLINE void int8_step(size_t stride, const int8_t* steps, const uint8_t* bytes, size_t group_bytes,
                          Sums (&sums)[R][G]) {
  constexpr size_t kAhead = 2048;  // bytes that a stream of weights is asked for in advance
  Weights16 weights[G];
  for (size_t g = 0; g < G; ++g) {
    weights[g] = Weights16::load(bytes + g * group_bytes);
    if constexpr (R == 1) __builtin_prefetch(bytes + g * group_bytes + kAhead);
  }
  for (size_t r = 0; r < R; ++r) {
    const Quad factor = Quad::load(steps + r * stride);
    for (size_t g = 0; g < G; ++g) sums[r][g] = add_products(weights[g], factor, sums[r][g]);
  }
}

template <size_t R, size_t G>
HWY_INLINE void int8_tile(const Int8Rows& x, const Int8Groups& w, size_t n_out, float* y, size_t y_stride) {
  constexpr size_t kStep = kInt8Lanes * kInt8Quad, kQuads = kInt8Block / kInt8Quad;
  const size_t group_bytes = w.group_bytes();
  Lanes<float> totals[R][G];
  for (size_t r = 0; r < R; ++r) {
    for (size_t g = 0; g < G; ++g) totals[r][g] = Lanes<float>::zero();
  }
  const uint8_t* bytes = w.bytes;
  for (size_t block = 0; block < x.n_blocks; ++block) {
    const int8_t* steps = x.steps + block * kInt8Block;
    const size_t n_quads = w.n_quads - block * kQuads < kQuads ? w.n_quads - block * kQuads : kQuads;
    Sums sums[R][G];
    for (size_t r = 0; r < R; ++r) {
      for (size_t g = 0; g < G; ++g) sums[r][g] = Sums::set(x.offsets[r * x.n_blocks + block]);
    }
    // Four quads at once: one at a time, compilers keep the sums moving between registers.
    size_t quad = 0;
    for (; quad + 4 <= n_quads; quad += 4) {
      for (size_t i = 0; i < 4; ++i) {
        int8_step<R, G>(x.stride, steps + (quad + i) * kInt8Quad, bytes + (quad + i) * kStep, group_bytes, sums);
      }
    }
    for (; quad < n_quads; ++quad) {
      int8_step<R, G>(x.stride, steps + quad * kInt8Quad, bytes + quad * kStep, group_bytes, sums);
    }
    bytes += n_quads * kStep;
    for (size_t r = 0; r < R; ++r) {
      const auto scale = Lanes<float>::set(x.scales[r * x.n_blocks + block]);
      for (size_t g = 0; g < G; ++g) totals[r][g] = fma(sums[r][g].to_float(), scale, totals[r][g]);
    }
  }
  for (size_t r = 0; r < R; ++r) {
    for (size_t g = 0; g < G; ++g) {
      const auto result = totals[r][g] * Lanes<float>::load(w.scales + g * kInt8Lanes);
      float* out = y + r * y_stride + g * kInt8Lanes;
      if ((g + 1) * kInt8Lanes <= n_out) {
        result.store(out);
      } else {
        alignas(64) float buffer[kInt8Lanes];
        result.store(buffer);
        std::memcpy(out, buffer, (n_out - g * kInt8Lanes) * sizeof(float));
      }
    }
  }
}

template <size_t G>
HWY_INLINE void int8_row_tiles(const Int8Rows& x, size_t n_rows, const Int8Groups& w, size_t n_out, float* y,
                               size_t y_stride) {
  size_t r = 0;
  for (; r + kInt8Rows <= n_rows; r += kInt8Rows) {
    int8_tile<kInt8Rows, G>(x.from(r), w, n_out, y + r * y_stride, y_stride);
  }
  for (; r + 4 <= n_rows; r += 4) int8_tile<4, G>(x.from(r), w, n_out, y + r * y_stride, y_stride);
  for (; r < n_rows; ++r) int8_tile<1, G>(x.from(r), w, n_out, y + r * y_stride, y_stride);
}

// One or two groups of weights stay in the nearest cache levels while all rows of x pass by. A single row is limited by
// memory, which gives one stream of weights at its best.
inline void int8_multiply(const Int8Rows& x, size_t n_rows, const Int8Groups& w, size_t n_out, float* y,
                          size_t y_stride) {
  constexpr size_t kPair = 2 * kInt8Lanes;
  size_t c = 0;
  for (; n_rows > 1 && c + kInt8Lanes < n_out; c += kPair) {
    int8_row_tiles<2>(x, n_rows, w.from(c / kInt8Lanes), n_out - c < kPair ? n_out - c : kPair, y + c, y_stride);
  }
  for (; c < n_out; c += kInt8Lanes) {
    const size_t count = n_out - c < kInt8Lanes ? n_out - c : kInt8Lanes;
    int8_row_tiles<1>(x, n_rows, w.from(c / kInt8Lanes), count, y + c, y_stride);
  }
}
