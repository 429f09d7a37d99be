// SPDX-License-Identifier: MIT
// Softmax over a row of scores, and the merge of partial ones.

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
