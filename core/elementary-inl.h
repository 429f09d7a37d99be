// SPDX-License-Identifier: MIT
// Elementary functions of ours, one polynomial for all targets: libm chooses variants by processor.

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
