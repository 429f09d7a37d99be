// SPDX-License-Identifier: MIT
// Logarithms of probabilities, for divergences between softmax rows. Part of kernels-inl.h.

// log2 x for positive normal x: x = 2^k f with f in [sqrt(1/2), sqrt(2)), log2 f = 2 / ln 2 * artanh((f - 1) / (f + 1))
// by its series, whose remainder is below half an ulp. About 2 ulp; exact at powers of two.
template <class T>
HWY_INLINE Lanes<T> log2_lanes(Lanes<T> x) {
  constexpr int kTerms = sizeof(T) == 4 ? 5 : 11;
  constexpr T kTwoOverLn2 = static_cast<T>(2.8853900817779268147);
  auto exponent = Lanes<T>::zero();
  const auto f = split_exponent(x, exponent);
  const auto s = (f - Lanes<T>::set(T{1})) / (f + Lanes<T>::set(T{1}));
  const auto squared = s * s;
  auto series = Lanes<T>::set(kTwoOverLn2 / static_cast<T>(2 * kTerms - 1));
  for (int k = kTerms - 2; k >= 0; --k) {
    series = fma(series, squared, Lanes<T>::set(kTwoOverLn2 / static_cast<T>(2 * k + 1)));
  }
  return fma(series, s, exponent);
}

// sum of m log2 m, m = (p + r) / 2; 0 log 0 is 0. Terms in T, their sum in double.
template <class T>
double mean_entropy(const T* p, const T* r, size_t n) {
  constexpr size_t kSize = Lanes<T>::kSize;
  constexpr size_t kDoubles = Lanes<double>::kSize;
  Lanes<double> sums[kSize / kDoubles];
  for (auto& each : sums) each = Lanes<double>::zero();
  for (size_t i = 0; i < n; i += kSize) {
    const auto m = (Lanes<T>::load(p + i) + Lanes<T>::load(r + i)) * Lanes<T>::set(T{1} / 2);
    alignas(64) T terms[kSize];
    (m * log2_lanes(max(m, Lanes<T>::set(std::numeric_limits<T>::min())))).store(terms);
    for (size_t part = 0; part < kSize / kDoubles; ++part) {
      sums[part] =
          sums[part] + Lanes<double>::template load<T>(reinterpret_cast<const std::byte*>(terms + part * kDoubles));
    }
  }
  for (size_t part = 1; part < kSize / kDoubles; ++part) sums[0] = sums[0] + sums[part];
  return sum(sums[0]);
}
