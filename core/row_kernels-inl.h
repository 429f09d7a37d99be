// SPDX-License-Identifier: MIT
// What is done to a row element by element, and its storage.

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
