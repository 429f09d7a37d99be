// SPDX-License-Identifier: MIT
// What of GemmKernels depends on the kind of word, over kWordElements, load_words and add_products(sums, words of W,
// words of x). Included once per kind, so that no instruction of the one reaches the code of the other.

template <size_t R>
inline void multiply_tile(const uint32_t* x, const std::byte* w, size_t w_stride_bytes, size_t n_words, float* sums,
                          size_t stride, bool accumulate) {
  constexpr size_t kRows = GemmKernels::kSums / R;
  __m512 tile[kRows][R];
#pragma GCC unroll 24
  for (size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (size_t r = 0; r < R; ++r) {
      tile[i][r] = accumulate ? _mm512_loadu_ps(sums + i * stride + r * kLanes) : _mm512_setzero_ps();
    }
  }
  for (size_t k = 0; k < n_words; ++k) {
    __m512i rows[R];
#pragma GCC unroll 4
    for (size_t r = 0; r < R; ++r) rows[r] = _mm512_loadu_si512(x + (k * R + r) * kLanes);
#pragma GCC unroll 24
    for (size_t i = 0; i < kRows; ++i) {
      int word;
      std::memcpy(&word, w + i * w_stride_bytes + k * sizeof(word), sizeof(word));
      const __m512i words = _mm512_set1_epi32(word);
#pragma GCC unroll 4
      for (size_t r = 0; r < R; ++r) tile[i][r] = add_products(tile[i][r], words, rows[r]);
    }
  }
#pragma GCC unroll 24
  for (size_t i = 0; i < kRows; ++i) {
#pragma GCC unroll 4
    for (size_t r = 0; r < R; ++r) _mm512_storeu_ps(sums + i * stride + r * kLanes, tile[i][r]);
  }
}

void multiply(const uint32_t* x, size_t n_registers, const std::byte* w, size_t w_stride_bytes, size_t n_words,
              float* sums, size_t stride, bool accumulate) {
  static_assert(GemmKernels::kMostRegisters == 4);
  if (n_registers == 1) return multiply_tile<1>(x, w, w_stride_bytes, n_words, sums, stride, accumulate);
  if (n_registers == 2) return multiply_tile<2>(x, w, w_stride_bytes, n_words, sums, stride, accumulate);
  if (n_registers == 3) return multiply_tile<3>(x, w, w_stride_bytes, n_words, sums, stride, accumulate);
  multiply_tile<4>(x, w, w_stride_bytes, n_words, sums, stride, accumulate);
}

void pack(const float* x, size_t x_stride, size_t n_rows, size_t n, uint32_t* words, size_t stride) {
  const __mmask16 present = first_lanes(n_rows);
  for (size_t first = 0; first < n; first += kLanes * kWordElements) {
    const size_t count = std::min(kLanes * kWordElements, n - first);
    __m512i square[kLanes];
#pragma GCC unroll 16
    for (size_t i = 0; i < kLanes; ++i) square[i] = load_words(x + std::min(i, n_rows - 1) * x_stride + first, count);
    transpose_square(square);
    uint32_t* to = words + first / kWordElements * stride;
#pragma GCC unroll 16
    for (size_t i = 0; i < kLanes; ++i) {
      if (i * kWordElements < count) _mm512_mask_storeu_epi32(to + i * stride, present, square[i]);
    }
  }
}
