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
