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
    using Unit = StoredUnit<T, S>;
    size_t k = 0;
    const std::byte* p = stored;
    for (; k + Unit::kElements <= n; k += Unit::kElements, p += Unit::kBytes) {
      const Unit unit = Unit::at(p);
      for (size_t i = 0; i < Unit::kRegisters; ++i) unit[i].store(x + k + i * Lanes<T>::kSize);
    }
    if constexpr (Unit::kAlone) {
      if (k < n) store_partial(load_partial<T, S>(p, n - k), x + k, n - k);
    }
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

// Adding this rounds to the nearest integer, ties to even, and leaves it in the low bits of the pattern.
constexpr float kRoundingMagic = 0x1.8p23F;

// NaN if one of the elements is not finite.
HWY_INLINE float largest_magnitude(const float* x, size_t n) {
  auto magnitudes = Lanes<float>::zero(), no_number = Lanes<float>::zero();  // 0, or NaN where one is not finite
  for_lanes<float>(n, [&](size_t i, size_t count) HWY_ATTR {
    const auto lanes = load_n(x + i, count);
    magnitudes = max(max(lanes, Lanes<float>::zero() - lanes), magnitudes);
    no_number = fma(lanes, Lanes<float>::zero(), no_number);
  });
  return largest(magnitudes) + sum(no_number);
}

// The steps, -127 to 127, nearest to x / scale; returns their sum. scale > 0, n at most kMostSteps.
constexpr size_t kMostSteps = 64;
HWY_INLINE int32_t steps_of(const float* x, size_t n, float scale, int8_t* steps) {
  alignas(64) float rounded[kMostSteps];
  const auto limit = Lanes<float>::set(127), divisor = Lanes<float>::set(scale);
  for_lanes<float>(n, [&](size_t i, size_t count) HWY_ATTR {
    const auto exact = max(min(load_n(x + i, count) / divisor, limit), Lanes<float>::zero() - limit);
    (exact + Lanes<float>::set(kRoundingMagic)).store(rounded + i);
  });
  int32_t total = 0;
  for (size_t i = 0; i < n; ++i) {
    steps[i] = static_cast<int8_t>(std::bit_cast<uint32_t>(rounded[i]) & 0xFFU);
    total += steps[i];
  }
  return total;
}

inline void narrow_as_q8_0(const float* x, size_t n, std::byte* stored) {
  for (size_t k = 0; k < n; k += Q8_0::kElements, x += Q8_0::kElements, stored += sizeof(Q8_0)) {
    Q8_0 block{q8_0_scale(largest_magnitude(x, Q8_0::kElements)), {}};
    const float scale = proxima::widen(block.scale);
    if (scale > 0) steps_of(x, Q8_0::kElements, scale, block.steps);  // not for NaN
    std::memcpy(stored, &block, sizeof(block));
  }
}

template <class T>
void narrow(const T* x, size_t n, DType dtype, std::byte* stored) {
  if (dtype == DTypeOf<T>::value) {
    if (n > 0) std::memcpy(stored, x, n * sizeof(T));  // an empty row may be a null pointer
  } else if constexpr (std::is_same_v<T, float>) {
    if (dtype == DType::kBF16) return narrow_as<BF16>(x, n, stored);
    if (dtype == DType::kQ8_0) return narrow_as_q8_0(x, n, stored);
    assert(dtype == DType::kF16);
    narrow_as<F16>(x, n, stored);
  }
}
