// SPDX-License-Identifier: MIT
// Dot products and mixes of stored rows.

// Stored rows are asked for this far ahead: a decode step reads many short matrices, too short for the processor to
// recognise each as a stream before it ends. Beyond the last row the request is ignored.
constexpr size_t kAheadBytes = 8192;
HWY_INLINE size_t bytes_ahead(size_t step_bytes) {  // whole steps
  return (kAheadBytes / step_bytes + 1) * step_bytes;
}

// kWhole: n is a number of whole units. Said at compile time because the mere presence of the code for a last, partial
// one costs a fifth: it keeps the sums in memory.
template <class T, class S, size_t R, size_t C, bool kWhole>
HWY_INLINE void dot_tile(const T* x, size_t x_stride, const std::byte* w, size_t w_stride_bytes, size_t n, T* y,
                         size_t y_stride) {
  using Unit = StoredUnit<T, S>;
  Lanes<T> sums[R][C];
  for (size_t r = 0; r < R; ++r) {
    for (size_t c = 0; c < C; ++c) sums[r][c] = Lanes<T>::zero();
  }
  const size_t ahead = bytes_ahead(C * w_stride_bytes);
  size_t k = 0;
  for (; k + Unit::kElements <= n; k += Unit::kElements, w += Unit::kBytes) {
    Unit units[C];
    for (size_t c = 0; c < C; ++c) {
      units[c] = Unit::at(w + c * w_stride_bytes);
      __builtin_prefetch(w + c * w_stride_bytes + ahead);
    }
    for (size_t i = 0; i < Unit::kRegisters; ++i) {
      Lanes<T> columns[C];
      for (size_t c = 0; c < C; ++c) columns[c] = units[c][i];
      for (size_t r = 0; r < R; ++r) {
        const auto row = Lanes<T>::load(x + r * x_stride + k + i * Lanes<T>::kSize);
        for (size_t c = 0; c < C; ++c) sums[r][c] = fma(row, columns[c], sums[r][c]);
      }
    }
  }
  if constexpr (Unit::kAlone && !kWhole) {
    if (k < n) {
      Lanes<T> columns[C];
      for (size_t c = 0; c < C; ++c) columns[c] = load_partial<T, S>(w + c * w_stride_bytes, n - k);
      for (size_t r = 0; r < R; ++r) {
        const auto row = load_partial(x + r * x_stride + k, n - k);
        for (size_t c = 0; c < C; ++c) sums[r][c] = fma(row, columns[c], sums[r][c]);
      }
    }
  }
  for (size_t r = 0; r < R; ++r) {
    size_t c = 0;
    for (; c + 4 <= C; c += 4)
      store_four_sums(sums[r][c], sums[r][c + 1], sums[r][c + 2], sums[r][c + 3], y + r * y_stride + c);
    for (; c < C; ++c) y[r * y_stride + c] = sum(sums[r][c]);
  }
}

// Calls f with constants that add up to n: kMost as often as it fits, then what is left at once.
template <size_t kMost, class F>
HWY_INLINE void in_tiles(size_t n, F f) {
  size_t i = 0;
  for (; i + kMost <= n; i += kMost) f(i, std::integral_constant<size_t, kMost>());
  if constexpr (kMost > 1) {
    if (i < n) in_tiles<kMost - 1>(n - i, [&](size_t rest, auto count) HWY_ATTR { f(i + rest, count); });
  }
}

// The products of one row of x and one stored row, not yet summed over lanes.
template <class T, class S>
HWY_INLINE Lanes<T> dot_row(const T* x, const std::byte* w, size_t n) {
  using Unit = StoredUnit<T, S>;
  auto sums = Lanes<T>::zero();
  size_t k = 0;
  for (; k + Unit::kElements <= n; k += Unit::kElements, w += Unit::kBytes) {
    const Unit unit = Unit::at(w);
    __builtin_prefetch(w + kAheadBytes);
    for (size_t i = 0; i < Unit::kRegisters; ++i) {
      sums = fma(Lanes<T>::load(x + k + i * Lanes<T>::kSize), unit[i], sums);
    }
  }
  if constexpr (Unit::kAlone) {
    if (k < n) sums = fma(load_partial(x + k, n - k), load_partial<T, S>(w, n - k), sums);
  }
  return sums;
}

template <class T, class S, size_t R, bool kWhole>
HWY_INLINE void dot_columns(const T* x, size_t x_stride, StoredRows w, size_t n_w, size_t n, T* y, size_t y_stride) {
  const auto tile = [&](size_t c, auto count) HWY_ATTR {
    dot_tile<T, S, R, count(), kWhole>(x, x_stride, w.from(c).data, w.stride_bytes, n, y + c, y_stride);
  };
  size_t c = 0;
  for (; c + kTileColumns <= n_w; c += kTileColumns) tile(c, std::integral_constant<size_t, kTileColumns>());
  for (; c < n_w; ++c) tile(c, std::integral_constant<size_t, 1>());
}

// One row of x leaves nothing to share, so stored rows are read one after the other, in the order of addresses: memory
// gives a single stream some 20 % faster than several side by side.
template <class T, class S>
HWY_INLINE void dot_one(const T* x, StoredRows w, size_t n_w, size_t n, T* y) {
  constexpr size_t kAtOnce = 4;
  size_t c = 0;
  for (; c + kAtOnce <= n_w; c += kAtOnce) {
    Lanes<T> sums[kAtOnce];
    for (size_t i = 0; i < kAtOnce; ++i) sums[i] = dot_row<T, S>(x, w.from(c + i).data, n);
    store_four_sums(sums[0], sums[1], sums[2], sums[3], y + c);
  }
  for (; c < n_w; ++c) y[c] = sum(dot_row<T, S>(x, w.from(c).data, n));
}

template <class T>
void dot(const T* x, size_t x_stride, size_t n_x, StoredRows w, size_t n_w, size_t n, T* y, size_t y_stride) {
  with_storage<T>(w.dtype, [&](auto storage) HWY_ATTR {
    using S = decltype(storage);
    in_tiles<kTileRows>(n_x, [&](size_t r, auto n_rows) HWY_ATTR {
      if constexpr (n_rows() == 1) {
        dot_one<T, S>(x + r * x_stride, w, n_w, n, y + r * y_stride);
      } else {
        const auto columns = [&](auto whole) HWY_ATTR {
          dot_columns<T, S, n_rows(), whole()>(x + r * x_stride, x_stride, w, n_w, n, y + r * y_stride, y_stride);
        };
        n % StoredUnit<T, S>::kElements == 0 ? columns(std::true_type()) : columns(std::false_type());
      }
    });
  });
}

// U units of columns.
template <class T, class S, size_t R, size_t U>
HWY_INLINE void mix_tile(const T* p, size_t p_stride, const std::byte* v, size_t v_stride_bytes, size_t n_keys, T* out,
                         size_t out_stride, bool accumulate) {
  using Unit = StoredUnit<T, S>;
  constexpr size_t kSize = Lanes<T>::kSize, C = U * Unit::kRegisters;
  Lanes<T> sums[R][C];
  for (size_t r = 0; r < R; ++r) {
    for (size_t c = 0; c < C; ++c) {
      sums[r][c] = accumulate ? Lanes<T>::load(out + r * out_stride + c * kSize) : Lanes<T>::zero();
    }
  }
  const size_t ahead = bytes_ahead(v_stride_bytes);
  for (size_t key = 0; key < n_keys; ++key) {
    Lanes<T> columns[C];
    for (size_t u = 0; u < U; ++u) {
      const std::byte* stored = v + key * v_stride_bytes + u * Unit::kBytes;
      const Unit unit = Unit::at(stored);
      for (size_t i = 0; i < Unit::kRegisters; ++i) columns[u * Unit::kRegisters + i] = unit[i];
      __builtin_prefetch(stored + ahead);
    }
    for (size_t r = 0; r < R; ++r) {
      const auto weight = Lanes<T>::set(p[r * p_stride + key]);
      for (size_t c = 0; c < C; ++c) sums[r][c] = fma(weight, columns[c], sums[r][c]);
    }
  }
  for (size_t r = 0; r < R; ++r) {
    for (size_t c = 0; c < C; ++c) sums[r][c].store(out + r * out_stride + c * kSize);
  }
}

template <class T, class S>
HWY_INLINE void mix_partial(const T* p, const std::byte* v, size_t v_stride_bytes, size_t n_keys, size_t n, T* out,
                            bool accumulate) {
  auto sums = accumulate ? load_partial(out, n) : Lanes<T>::zero();
  for (size_t key = 0; key < n_keys; ++key) {
    sums = fma(Lanes<T>::set(p[key]), load_partial<T, S>(v + key * v_stride_bytes, n), sums);
  }
  store_partial(sums, out, n);
}

template <class T, class S, size_t R>
HWY_INLINE void mix_rows(const T* p, size_t p_stride, StoredRows v, size_t n_keys, size_t n, T* out, size_t out_stride,
                         bool accumulate) {
  using Unit = StoredUnit<T, S>;
  constexpr size_t kUnits = kTileColumns / Unit::kRegisters;
  const std::byte* columns = v.data;
  size_t i = 0;
  for (; i + kUnits * Unit::kElements <= n; i += kUnits * Unit::kElements, columns += kUnits * Unit::kBytes) {
    mix_tile<T, S, R, kUnits>(p, p_stride, columns, v.stride_bytes, n_keys, out + i, out_stride, accumulate);
  }
  for (; i + Unit::kElements <= n; i += Unit::kElements, columns += Unit::kBytes) {
    mix_tile<T, S, R, 1>(p, p_stride, columns, v.stride_bytes, n_keys, out + i, out_stride, accumulate);
  }
  if constexpr (Unit::kAlone) {
    for (size_t r = 0; i < n && r < R; ++r) {
      mix_partial<T, S>(p + r * p_stride, columns, v.stride_bytes, n_keys, n - i, out + r * out_stride + i, accumulate);
    }
  }
}

constexpr size_t kMixKeys = 64;  // where rows are wider than a tile

template <class T>
void mix(const T* p, size_t p_stride, size_t n_r, StoredRows v, size_t n_keys, size_t n, T* out, size_t out_stride,
         bool accumulate) {
  with_storage<T>(v.dtype, [&](auto storage) HWY_ATTR {
    using S = decltype(storage);
    // Few keys at a time, so that what one tile of columns has brought to the first cache level serves the others.
    const size_t step = n <= kTileColumns * Lanes<T>::kSize ? SIZE_MAX : kMixKeys;
    for (size_t key = 0; key == 0 || key < n_keys; key += step) {
      const size_t count = n_keys - key < step ? n_keys - key : step;
      in_tiles<kTileRows>(n_r, [&](size_t r, auto n_rows) HWY_ATTR {
        mix_rows<T, S, n_rows()>(p + r * p_stride + key, p_stride, v.from(key), count, n, out + r * out_stride,
                                 out_stride, accumulate || key > 0);
      });
    }
  });
}
