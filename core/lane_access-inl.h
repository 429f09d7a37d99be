// SPDX-License-Identifier: MIT
// Rows of any length, and stored elements of any type, as virtual registers. Included once per target, after Lanes.

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

// What is loaded of a stored row at once: a register of elements, or a block of Q8_0, whose registers share a scale.
template <class T, class S>
struct StoredUnit {
  static constexpr size_t kRegisters = 1;
  static constexpr size_t kElements = Lanes<T>::kSize;
  static constexpr size_t kBytes = kElements * sizeof(S);
  static constexpr bool kAlone = true;  // elements of a last, partial register can be loaded by themselves
  const std::byte* stored;

  static HWY_INLINE StoredUnit at(const std::byte* stored) { return {stored}; }
  HWY_INLINE Lanes<T> operator[](size_t) const { return Lanes<T>::template load<S>(stored); }
};
template <>
struct StoredUnit<float, Q8_0> {
  static constexpr size_t kElements = Q8_0::kElements;
  static constexpr size_t kRegisters = kElements / Lanes<float>::kSize;
  static constexpr size_t kBytes = sizeof(Q8_0);
  static constexpr bool kAlone = false;
  const std::byte* stored;
  Lanes<float> scale;

  static HWY_INLINE StoredUnit at(const std::byte* stored) { return {stored, Lanes<float>::set_f16(stored)}; }
  HWY_INLINE Lanes<float> operator[](size_t i) const {
    return scale * Lanes<float>::load_int8(stored + offsetof(Q8_0, steps) + i * Lanes<float>::kSize);
  }
};

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
      if constexpr (std::is_same_v<T, double>) {
        if (dtype == DType::kF64) return f(double{});
      } else {
        if (dtype == DType::kQ8_0) return f(Q8_0{});
      }
      assert(false && "storage type not supported by this arithmetic");
  }
}
