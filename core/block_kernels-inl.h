// SPDX-License-Identifier: MIT
// Blocked attention in float, transposed: a virtual register holds 16 rows of a tile, so scores need no horizontal sums
// and the softmax over keys runs vertically.

// scores[key, row] = sum_c keys[key, c] * q[c, row] for R registers of rows and K keys.
template <size_t R, size_t K>
HWY_INLINE void score_tile(const float* q, size_t n_rows, const float* keys, size_t head_dim, float* scores) {
  constexpr size_t kSize = Lanes<float>::kSize;
  Lanes<float> sums[K][R];
  for (size_t k = 0; k < K; ++k) {
    for (size_t r = 0; r < R; ++r) sums[k][r] = Lanes<float>::zero();
  }
  for (size_t c = 0; c < head_dim; ++c) {
    Lanes<float> rows[R];
    for (size_t r = 0; r < R; ++r) rows[r] = Lanes<float>::load(q + c * n_rows + r * kSize);
    for (size_t k = 0; k < K; ++k) {
      const auto key = Lanes<float>::set(keys[k * head_dim + c]);
      for (size_t r = 0; r < R; ++r) sums[k][r] = fma(key, rows[r], sums[k][r]);
    }
  }
  for (size_t k = 0; k < K; ++k) {
    for (size_t r = 0; r < R; ++r) sums[k][r].store(scores + k * n_rows + r * kSize);
  }
}

// out[c, row] = rescale[row] * out[c, row] + sum_key p[key, row] * values[key, c] for R registers of rows and C
// columns.
template <size_t R, size_t C>
HWY_INLINE void mix_block_tile(const float* p, size_t n_rows, const float* values, size_t n_keys, size_t head_dim,
                               const float* rescale, float* out) {
  constexpr size_t kSize = Lanes<float>::kSize;
  Lanes<float> sums[C][R];
  for (size_t c = 0; c < C; ++c) {
    for (size_t r = 0; r < R; ++r) {
      sums[c][r] = Lanes<float>::load(out + c * n_rows + r * kSize) * Lanes<float>::load(rescale + r * kSize);
    }
  }
  for (size_t key = 0; key < n_keys; ++key) {
    Lanes<float> rows[R];
    for (size_t r = 0; r < R; ++r) rows[r] = Lanes<float>::load(p + key * n_rows + r * kSize);
    for (size_t c = 0; c < C; ++c) {
      const auto value = Lanes<float>::set(values[key * head_dim + c]);
      for (size_t r = 0; r < R; ++r) sums[c][r] = fma(value, rows[r], sums[c][r]);
    }
  }
  for (size_t c = 0; c < C; ++c) {
    for (size_t r = 0; r < R; ++r) sums[c][r].store(out + c * n_rows + r * kSize);
  }
}

// Calls f(first, count as a constant) so that [0, n) is covered by runs of kMost, then single ones.
template <size_t kMost, class F>
HWY_INLINE void in_runs(size_t n, F f) {
  size_t i = 0;
  for (; i + kMost <= n; i += kMost) f(i, std::integral_constant<size_t, kMost>());
  for (; i < n; ++i) f(i, std::integral_constant<size_t, 1>());
}

inline void block_scores(const float* q, size_t n_rows, const float* keys, size_t n_keys, size_t head_dim,
                         float* scores) {
  constexpr size_t kSize = Lanes<float>::kSize;
  in_runs<kBlockRegisters>(n_rows / kSize, [&](size_t r, auto n_registers) HWY_ATTR {
    in_runs<kBlockColumns>(n_keys, [&](size_t k, auto n_columns) HWY_ATTR {
      score_tile<n_registers(), n_columns()>(q + r * kSize, n_rows, keys + k * head_dim, head_dim,
                                             scores + k * n_rows + r * kSize);
    });
  });
}

inline void block_mix(const float* p, size_t n_rows, const float* values, size_t n_keys, size_t head_dim,
                      const float* rescale, float* out) {
  constexpr size_t kSize = Lanes<float>::kSize;
  in_runs<kBlockRegisters>(n_rows / kSize, [&](size_t r, auto n_registers) HWY_ATTR {
    in_runs<kBlockColumns>(head_dim, [&](size_t c, auto n_columns) HWY_ATTR {
      mix_block_tile<n_registers(), n_columns()>(p + r * kSize, n_rows, values + c, n_keys, head_dim,
                                                 rescale + r * kSize, out + c * n_rows + r * kSize);
    });
  });
}

// Online softmax (Milakov and Gimelshein, arXiv 1805.02867) down the columns.
inline void block_softmax(float* scores, size_t n_rows, size_t n_keys, float* max_values, float* sums, float* rescale) {
  constexpr size_t kSize = Lanes<float>::kSize;
  for (size_t row = 0; row < n_rows; row += kSize) {
    const auto old_max = Lanes<float>::load(max_values + row);
    auto new_max = old_max;
    for (size_t key = 0; key < n_keys; ++key) new_max = max(Lanes<float>::load(scores + key * n_rows + row), new_max);
    auto sum_of_keys = Lanes<float>::zero();
    for (size_t key = 0; key < n_keys; ++key) {
      const auto p = exp_lanes(Lanes<float>::load(scores + key * n_rows + row) - new_max);
      p.store(scores + key * n_rows + row);
      sum_of_keys = sum_of_keys + p;
    }
    const auto factor = exp_lanes(old_max - new_max);
    fma(Lanes<float>::load(sums + row), factor, sum_of_keys).store(sums + row);
    factor.store(rescale + row);
    new_max.store(max_values + row);
  }
}

constexpr BlockKernels block_kernels() {
  return {block_scores, block_softmax, block_mix};
}
