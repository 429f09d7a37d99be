// SPDX-License-Identifier: MIT
// The kernels of kernels.h over virtual registers. Included once per target, after the target's Lanes.

// A last, partial register is loaded zero-filled through a buffer, so no byte beyond the row is touched.
template <class T, class S>
HWY_INLINE Lanes<T> load_partial(const std::byte* stored, size_t n) {
  alignas(64) std::byte buffer[Lanes<T>::kSize * sizeof(S)] = {};
  std::memcpy(buffer, stored, n * sizeof(S));
  return Lanes<T>::template load<S>(buffer);
}
template <class T>
HWY_INLINE Lanes<T> load_partial(const T* x, size_t n) {
  alignas(64) T buffer[Lanes<T>::kSize] = {};
  std::memcpy(buffer, x, n * sizeof(T));
  return Lanes<T>::load(buffer);
}
template <class T>
HWY_INLINE void store_partial(Lanes<T> lanes, T* x, size_t n) {
  alignas(64) T buffer[Lanes<T>::kSize];
  lanes.store(buffer);
  std::memcpy(x, buffer, n * sizeof(T));
}

// Calls f(offset, count) for each register of n elements; count is the full size but for the last one.
template <class T, class F>
HWY_INLINE void for_lanes(size_t n, F f) {
  constexpr size_t kSize = Lanes<T>::kSize;
  size_t i = 0;
  for (; i + kSize <= n; i += kSize) f(i, kSize);
  if (i < n) f(i, n - i);
}
template <class T>
HWY_INLINE Lanes<T> load_n(const T* x, size_t n) {
  return n == Lanes<T>::kSize ? Lanes<T>::load(x) : load_partial(x, n);
}
template <class T>
HWY_INLINE void store_n(Lanes<T> lanes, T* x, size_t n) {
  if (n == Lanes<T>::kSize) {
    lanes.store(x);
  } else {
    store_partial(lanes, x, n);
  }
}

// Calls f with a value of the storage type that dtype names; the caller guarantees that T can hold it.
template <class T, class F>
HWY_INLINE void with_storage(DType dtype, F f) {
  switch (dtype) {
    case DType::kF32:
      return f(float{});
    case DType::kBF16:
      return f(BF16{});
    case DType::kF16:
      return f(F16{});
    default:
      if constexpr (std::is_same_v<T, double>) return f(double{});
      assert(false && "storage type not supported by this arithmetic");
  }
}

// ---- elementary functions -------------------------------------------------------------------------------------------

template <class T>
struct ExpConstants;
template <>
struct ExpConstants<float> {
  static constexpr float kLowest = -87.3F, kHighest = 88.3F;                  // results stay normal numbers
  static constexpr float kLog2E = 1.44269504F, kRound = 12582912.0F;          // 1.5 * 2^23
  static constexpr float kLn2High = 0.693145752F, kLn2Low = 1.42860677e-06F;  // high part: 16 bits, n * high is exact
  static constexpr int kDegree = 7;
};
template <>
struct ExpConstants<double> {
  static constexpr double kLowest = -708.3, kHighest = 709.0;
  static constexpr double kLog2E = 1.4426950408889634, kRound = 6755399441055744.0;  // 1.5 * 2^52
  static constexpr double kLn2High = 0.69314718036912382, kLn2Low = 1.9082149292705877e-10;
  static constexpr int kDegree = 13;
};

template <class T>
constexpr T inverse_factorial(int n) {
  T f = 1;
  for (int i = 2; i <= n; ++i) f *= static_cast<T>(i);
  return T{1} / f;
}

// e^x by x = n ln 2 + r, |r| <= ln 2 / 2, and the Taylor series of e^r, whose remainder is below half an ulp. Below
// kLowest the result is 0, above kHighest it saturates, NaN stays NaN. About 1 ulp.
template <class T>
HWY_INLINE Lanes<T> exp_lanes(Lanes<T> x) {
  using C = ExpConstants<T>;
  const auto clamped = min(Lanes<T>::set(C::kHighest), x);  // x second: a NaN passes through
  const auto shifted = fma(clamped, Lanes<T>::set(C::kLog2E), Lanes<T>::set(C::kRound));
  const auto n = shifted - Lanes<T>::set(C::kRound);
  auto r = fma(n, Lanes<T>::set(-C::kLn2High), clamped);
  r = fma(n, Lanes<T>::set(-C::kLn2Low), r);
  auto series = Lanes<T>::set(inverse_factorial<T>(C::kDegree));
  for (int k = C::kDegree - 1; k >= 0; --k) series = fma(series, r, Lanes<T>::set(inverse_factorial<T>(k)));
  return zero_if_less(x, Lanes<T>::set(C::kLowest), series * exponent_from_low_bits(shifted));
}

// tanh x = (e^2x - 1) / (e^2x + 1), from e^2x - 1 without its cancellation near 0. Below 3 ulp.
template <class T>
HWY_INLINE Lanes<T> tanh_lanes(Lanes<T> x) {
  using C = ExpConstants<T>;
  constexpr T kSaturated = sizeof(T) == 4 ? 10 : 20;  // from here on tanh rounds to 1
  // x second in both: a NaN passes through.
  const auto y = max(Lanes<T>::set(-kSaturated), min(Lanes<T>::set(kSaturated), x)) * Lanes<T>::set(T{2});
  const auto shifted = fma(y, Lanes<T>::set(C::kLog2E), Lanes<T>::set(C::kRound));
  const auto n = shifted - Lanes<T>::set(C::kRound);
  auto r = fma(n, Lanes<T>::set(-C::kLn2High), y);
  r = fma(n, Lanes<T>::set(-C::kLn2Low), r);
  auto series = Lanes<T>::set(inverse_factorial<T>(C::kDegree));
  for (int k = C::kDegree - 1; k >= 1; --k) series = fma(series, r, Lanes<T>::set(inverse_factorial<T>(k)));
  const auto power = exponent_from_low_bits(shifted);
  const auto exp_minus_1 = fma(series * r, power, power - Lanes<T>::set(T{1}));
  return exp_minus_1 / (exp_minus_1 + Lanes<T>::set(T{2}));
}

// ---- products -------------------------------------------------------------------------------------------------------

// Stored rows are asked for this far ahead: a decode step reads many short matrices, too short for the processor to
// recognise each as a stream before it ends. Beyond the last row the request is ignored.
constexpr size_t kAheadBytes = 4096;
HWY_INLINE size_t bytes_ahead(size_t step_bytes) {  // whole steps
  return (kAheadBytes / step_bytes + 1) * step_bytes;
}

template <class T, class S, size_t R, size_t C>
HWY_INLINE void dot_tile(const T* x, size_t x_stride, const std::byte* w, size_t w_stride_bytes, size_t n, T* y,
                         size_t y_stride) {
  constexpr size_t kSize = Lanes<T>::kSize;
  Lanes<T> sums[R][C];
  for (size_t r = 0; r < R; ++r) {
    for (size_t c = 0; c < C; ++c) sums[r][c] = Lanes<T>::zero();
  }
  const size_t ahead = bytes_ahead(C * w_stride_bytes);
  size_t k = 0;
  for (; k + kSize <= n; k += kSize) {
    Lanes<T> columns[C];
    for (size_t c = 0; c < C; ++c) {
      const std::byte* stored = w + c * w_stride_bytes + k * sizeof(S);
      columns[c] = Lanes<T>::template load<S>(stored);
      __builtin_prefetch(stored + ahead);
    }
    for (size_t r = 0; r < R; ++r) {
      const auto row = Lanes<T>::load(x + r * x_stride + k);
      for (size_t c = 0; c < C; ++c) sums[r][c] = fma(row, columns[c], sums[r][c]);
    }
  }
  if (k < n) {
    Lanes<T> columns[C];
    for (size_t c = 0; c < C; ++c) columns[c] = load_partial<T, S>(w + c * w_stride_bytes + k * sizeof(S), n - k);
    for (size_t r = 0; r < R; ++r) {
      const auto row = load_partial(x + r * x_stride + k, n - k);
      for (size_t c = 0; c < C; ++c) sums[r][c] = fma(row, columns[c], sums[r][c]);
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

template <class T, class S, size_t R, size_t C>
HWY_INLINE void dot_columns(const T* x, size_t x_stride, StoredRows w, size_t n_w, size_t n, T* y, size_t y_stride) {
  size_t c = 0;
  for (; c + C <= n_w; c += C) dot_tile<T, S, R, C>(x, x_stride, w.from(c).data, w.stride_bytes, n, y + c, y_stride);
  for (; c < n_w; ++c) dot_tile<T, S, R, 1>(x, x_stride, w.from(c).data, w.stride_bytes, n, y + c, y_stride);
}

template <class T>
void dot(const T* x, size_t x_stride, size_t n_x, StoredRows w, size_t n_w, size_t n, T* y, size_t y_stride) {
  with_storage<T>(w.dtype, [&](auto storage) HWY_ATTR {
    using S = decltype(storage);
    in_tiles<kTileRows>(n_x, [&](size_t r, auto n_rows) HWY_ATTR {
      constexpr size_t kColumns = n_rows() == 1 ? kWideColumns : kTileColumns;
      dot_columns<T, S, n_rows(), kColumns>(x + r * x_stride, x_stride, w, n_w, n, y + r * y_stride, y_stride);
    });
  });
}

template <class T, class S, size_t R, size_t C>
HWY_INLINE void mix_tile(const T* p, size_t p_stride, const std::byte* v, size_t v_stride_bytes, size_t n_keys, T* out,
                         size_t out_stride, bool accumulate) {
  constexpr size_t kSize = Lanes<T>::kSize;
  Lanes<T> sums[R][C];
  for (size_t r = 0; r < R; ++r) {
    for (size_t c = 0; c < C; ++c) {
      sums[r][c] = accumulate ? Lanes<T>::load(out + r * out_stride + c * kSize) : Lanes<T>::zero();
    }
  }
  const size_t ahead = bytes_ahead(v_stride_bytes);
  for (size_t key = 0; key < n_keys; ++key) {
    Lanes<T> columns[C];
    for (size_t c = 0; c < C; ++c) {
      const std::byte* stored = v + key * v_stride_bytes + c * kSize * sizeof(S);
      columns[c] = Lanes<T>::template load<S>(stored);
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
  constexpr size_t kSize = Lanes<T>::kSize;
  size_t i = 0;
  for (; i + kTileColumns * kSize <= n; i += kTileColumns * kSize) {
    mix_tile<T, S, R, kTileColumns>(p, p_stride, v.data + i * sizeof(S), v.stride_bytes, n_keys, out + i, out_stride,
                                    accumulate);
  }
  for (; i + kSize <= n; i += kSize) {
    mix_tile<T, S, R, 1>(p, p_stride, v.data + i * sizeof(S), v.stride_bytes, n_keys, out + i, out_stride, accumulate);
  }
  for (size_t r = 0; i < n && r < R; ++r) {
    mix_partial<T, S>(p + r * p_stride, v.data + i * sizeof(S), v.stride_bytes, n_keys, n - i, out + r * out_stride + i,
                      accumulate);
  }
}

constexpr size_t kMixKeys = 64;

template <class T>
void mix(const T* p, size_t p_stride, size_t n_r, StoredRows v, size_t n_keys, size_t n, T* out, size_t out_stride,
         bool accumulate) {
  with_storage<T>(v.dtype, [&](auto storage) HWY_ATTR {
    using S = decltype(storage);
    // Few keys at a time, so that what one tile of columns has brought to the first cache level serves the others.
    for (size_t key = 0; key == 0 || key < n_keys; key += kMixKeys) {
      const size_t count = n_keys - key < kMixKeys ? n_keys - key : kMixKeys;
      in_tiles<kTileRows>(n_r, [&](size_t r, auto n_rows) HWY_ATTR {
        mix_rows<T, S, n_rows()>(p + r * p_stride + key, p_stride, v.from(key), count, n, out + r * out_stride,
                                 out_stride, accumulate || key > 0);
      });
    }
  });
}

// ---- softmax --------------------------------------------------------------------------------------------------------

template <class T>
T exponentials(T* scores, size_t n, T scale, T* max_out) {
  constexpr size_t kSize = Lanes<T>::kSize;
  const auto factor = Lanes<T>::set(scale);
  auto largest_lanes = Lanes<T>::set(-std::numeric_limits<T>::infinity());
  for (size_t i = 0; i < n; i += kSize) {
    const auto scaled = Lanes<T>::load(scores + i) * factor;
    scaled.store(scores + i);
    largest_lanes = max(scaled, largest_lanes);
  }
  const T max_value = largest(largest_lanes);
  *max_out = max_value;
  auto sums = Lanes<T>::zero();
  if (max_value == -std::numeric_limits<T>::infinity()) {  // only -infinity, which becomes 0, and NaN, which stays
    const auto lowest = Lanes<T>::set(std::numeric_limits<T>::lowest());
    for (size_t i = 0; i < n; i += kSize) {
      const auto p = zero_if_less(Lanes<T>::load(scores + i), lowest, Lanes<T>::load(scores + i));
      p.store(scores + i);
      sums = sums + p;
    }
    return sum(sums);
  }
  for (size_t i = 0; i < n; i += kSize) {
    const auto p = exp_lanes(Lanes<T>::load(scores + i) - Lanes<T>::set(max_value));
    p.store(scores + i);
    sums = sums + p;
  }
  return sum(sums);
}

template <class T>
void softcap(T* scores, size_t n, T scale, T cap) {
  for_lanes<T>(n, [&](size_t i, size_t count) HWY_ATTR {
    const auto capped = tanh_lanes(load_n(scores + i, count) * Lanes<T>::set(scale / cap));
    store_n(capped * Lanes<T>::set(cap), scores + i, count);
  });
}

template <class T>
T exp_scalar(T x) {
  alignas(64) T lanes[Lanes<T>::kSize];
  exp_lanes(Lanes<T>::set(x)).store(lanes);
  return lanes[0];
}

template <class T>
void merge(T* max_value, T* sum_value, T* out, T piece_max, T piece_sum, const T* piece_out, size_t n) {
  if (piece_max == -std::numeric_limits<T>::infinity() && piece_sum == T{0}) return;  // saw nothing
  const T joint = *max_value > piece_max ? *max_value : piece_max;
  const T old_weight = exp_scalar(*max_value - joint);
  const T new_weight = exp_scalar(piece_max - joint);
  *max_value = joint;
  *sum_value = *sum_value * old_weight + piece_sum * new_weight;
  for_lanes<T>(n, [&](size_t i, size_t count) HWY_ATTR {
    const auto kept = load_n(out + i, count) * Lanes<T>::set(old_weight);
    store_n(fma(load_n(piece_out + i, count), Lanes<T>::set(new_weight), kept), out + i, count);
  });
}

// ---- element by element ---------------------------------------------------------------------------------------------

template <class T>
void scale(T* x, size_t n, T factor) {
  for_lanes<T>(
      n, [&](size_t i, size_t count) HWY_ATTR { store_n(load_n(x + i, count) * Lanes<T>::set(factor), x + i, count); });
}

template <class T>
void add(T* y, const T* x, size_t n) {
  for_lanes<T>(
      n, [&](size_t i, size_t count) HWY_ATTR { store_n(load_n(y + i, count) + load_n(x + i, count), y + i, count); });
}

template <class T>
void rmsnorm(const T* x, const T* weight, T eps, size_t n, T* y) {
  auto squares = Lanes<T>::zero();
  for_lanes<T>(n, [&](size_t i, size_t count) HWY_ATTR {
    const auto lanes = load_n(x + i, count);
    squares = fma(lanes, lanes, squares);
  });
  const T inverse = T{1} / std::sqrt(sum(squares) / static_cast<T>(n) + eps);
  for_lanes<T>(n, [&](size_t i, size_t count) HWY_ATTR {
    store_n(load_n(x + i, count) * Lanes<T>::set(inverse) * load_n(weight + i, count), y + i, count);
  });
}

template <class T>
void silu_mul(T* gate, const T* up, size_t n) {
  const auto one = Lanes<T>::set(T{1});
  for_lanes<T>(n, [&](size_t i, size_t count) HWY_ATTR {
    const auto g = load_n(gate + i, count);
    store_n(g / (one + exp_lanes(Lanes<T>::zero() - g)) * load_n(up + i, count), gate + i, count);
  });
}

template <class T>
void gelu_mul(T* gate, const T* up, size_t n) {
  constexpr T kSqrt2OverPi = static_cast<T>(0.79788456080286535588);
  constexpr T kCubic = static_cast<T>(0.044715);
  const auto half = Lanes<T>::set(T{1} / 2);
  for_lanes<T>(n, [&](size_t i, size_t count) HWY_ATTR {
    const auto g = load_n(gate + i, count);
    const auto inner = fma(g * g * g, Lanes<T>::set(kCubic), g) * Lanes<T>::set(kSqrt2OverPi);
    const auto gelu = g * fma(tanh_lanes(inner), half, half);
    store_n(gelu * load_n(up + i, count), gate + i, count);
  });
}

template <class T>
void rotate(T* x, const T* cosines, const T* sines, size_t n_half) {
  for_lanes<T>(n_half, [&](size_t i, size_t count) HWY_ATTR {
    const auto a = load_n(x + i, count);
    const auto b = load_n(x + n_half + i, count);
    const auto c = load_n(cosines + i, count);
    const auto s = load_n(sines + i, count);
    store_n(a * c - b * s, x + i, count);
    store_n(b * c + a * s, x + n_half + i, count);
  });
}

// ---- storage --------------------------------------------------------------------------------------------------------

template <class T>
void widen(const std::byte* stored, DType dtype, size_t n, T* x) {
  with_storage<T>(dtype, [&](auto storage) HWY_ATTR {
    using S = decltype(storage);
    for_lanes<T>(n, [&](size_t i, size_t count) HWY_ATTR {
      const auto* p = stored + i * sizeof(S);
      store_n(count == Lanes<T>::kSize ? Lanes<T>::template load<S>(p) : load_partial<T, S>(p, count), x + i, count);
    });
  });
}

template <class S>
HWY_INLINE void narrow_as(const float* x, size_t n, std::byte* stored) {
  for_lanes<float>(n, [&](size_t i, size_t count) HWY_ATTR {
    alignas(64) std::byte buffer[Lanes<float>::kSize * sizeof(S)];
    const bool whole = count == Lanes<float>::kSize;
    load_n(x + i, count).template store_as<S>(whole ? stored + i * sizeof(S) : buffer);
    if (!whole) std::memcpy(stored + i * sizeof(S), buffer, count * sizeof(S));
  });
}

template <class T>
void narrow(const T* x, size_t n, DType dtype, std::byte* stored) {
  if (dtype == DTypeOf<T>::value) {
    if (n > 0) std::memcpy(stored, x, n * sizeof(T));  // an empty row may be a null pointer
  } else if constexpr (std::is_same_v<T, float>) {
    if (dtype == DType::kBF16) return narrow_as<BF16>(x, n, stored);
    assert(dtype == DType::kF16);
    narrow_as<F16>(x, n, stored);
  }
}

template <class T>
constexpr Arithmetic<T> arithmetic() {
  return {dot<T>, mix<T>,     exponentials<T>, exp_scalar<T>, softcap<T>, merge<T>, scale<T>,
          add<T>, rmsnorm<T>, silu_mul<T>,     gelu_mul<T>,   rotate<T>,  widen<T>, narrow<T>};
}
