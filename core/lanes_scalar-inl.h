// SPDX-License-Identifier: MIT
// Virtual registers in plain C++: the reference for every other target. Included inside a namespace by
// kernels_scalar.cpp; see lanes_highway-inl.h for the meaning of each operation.

constexpr size_t kTileRows = 2;
constexpr size_t kTileColumns = 2;
constexpr size_t kBlockRegisters = 1;
constexpr size_t kBlockColumns = 2;

template <class T>
struct Lanes {
  static constexpr size_t kSize = 64 / sizeof(T);
  T v[kSize];

  template <class F>
  static Lanes each(F f) {
    Lanes r;
    for (size_t i = 0; i < kSize; ++i) r.v[i] = f(i);
    return r;
  }
  static Lanes zero() { return set(T{0}); }
  static Lanes set(T x) {
    return each([&](size_t) { return x; });
  }
  template <class S>
  static Lanes load(const std::byte* stored) {
    return each([&](size_t i) {
      S s;
      std::memcpy(&s, stored + i * sizeof(S), sizeof(S));
      return static_cast<T>(proxima::widen(s));
    });
  }
  static Lanes load(const T* x) {
    return each([&](size_t i) { return x[i]; });
  }
  static Lanes load_int8(const std::byte* stored) {
    return each([&](size_t i) { return static_cast<T>(std::to_integer<int8_t>(stored[i])); });
  }
  static Lanes set_f16(const std::byte* stored) {
    F16 x;
    std::memcpy(&x, stored, sizeof(x));
    return set(proxima::widen(x));
  }
  void store(T* x) const { std::memcpy(x, v, sizeof(v)); }
  // Rounds to nearest even; S is BF16 or F16, T float.
  template <class S>
  void store_as(std::byte* stored) const {
    for (size_t i = 0; i < kSize; ++i) {
      S s;
      if constexpr (std::is_same_v<S, BF16>) {
        s = round_to_bf16(v[i]);
      } else {
        s = round_to_f16(v[i]);
      }
      std::memcpy(stored + i * sizeof(S), &s, sizeof(S));
    }
  }

  friend Lanes operator+(Lanes a, Lanes b) {
    return each([&](size_t i) { return a.v[i] + b.v[i]; });
  }
  friend Lanes operator-(Lanes a, Lanes b) {
    return each([&](size_t i) { return a.v[i] - b.v[i]; });
  }
  friend Lanes operator*(Lanes a, Lanes b) {
    return each([&](size_t i) { return a.v[i] * b.v[i]; });
  }
  friend Lanes operator/(Lanes a, Lanes b) {
    return each([&](size_t i) { return a.v[i] / b.v[i]; });
  }
  friend Lanes fma(Lanes a, Lanes b, Lanes c) {
    return each([&](size_t i) { return std::fma(a.v[i], b.v[i], c.v[i]); });
  }
  friend Lanes max(Lanes a, Lanes b) {
    return each([&](size_t i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
  }
  friend Lanes zero_if_less(Lanes x, Lanes limit, Lanes y) {
    return each([&](size_t i) { return x.v[i] < limit.v[i] ? T{0} : y.v[i]; });
  }
  friend Lanes min(Lanes a, Lanes b) {
    return each([&](size_t i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
  }
  friend Lanes exponent_from_low_bits(Lanes x) {
    using U = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
    constexpr U kBias = sizeof(T) == 4 ? 127 : 1023;
    constexpr int kShift = sizeof(T) == 4 ? 23 : 52;
    return each([&](size_t i) { return std::bit_cast<T>((std::bit_cast<U>(x.v[i]) + kBias) << kShift); });
  }
  friend Lanes split_exponent(Lanes x, Lanes& exponent) {
    using Constants = SplitConstants<T>;
    for (size_t i = 0; i < kSize; ++i) {
      const auto bits = std::bit_cast<typename Constants::Bits>(x.v[i]);
      const auto k = (bits + (Constants::kOne - Constants::kRootHalf)) >> Constants::kMantissaBits;
      exponent.v[i] = std::bit_cast<T>(k | Constants::kMagic) - Constants::kMagicBias;
      x.v[i] = std::bit_cast<T>(bits - (k << Constants::kMantissaBits) + Constants::kOne);
    }
    return x;
  }
  friend T sum(Lanes a) {
    for (size_t half = kSize / 2; half > 0; half /= 2) {
      for (size_t i = 0; i < half; ++i) a.v[i] = a.v[i] + a.v[i + half];
    }
    return a.v[0];
  }
  friend void store_four_sums(Lanes a, Lanes b, Lanes c, Lanes d, T* sums) {
    sums[0] = sum(a), sums[1] = sum(b), sums[2] = sum(c), sums[3] = sum(d);
  }
  friend T largest(Lanes a) {
    for (size_t half = kSize / 2; half > 0; half /= 2) {
      for (size_t i = 0; i < half; ++i) a.v[i] = a.v[i] > a.v[i + half] ? a.v[i] : a.v[i + half];
    }
    return a.v[0];
  }
};

// ---- integers, see int8_product-inl.h -------------------------------------------------------------------------------

constexpr size_t kInt8Rows = 2;

struct Weights16 {
  const uint8_t* bytes;
  static Weights16 load(const uint8_t* bytes) { return {bytes}; }
};
struct Quad {
  const int8_t* steps;
  static Quad load(const int8_t* steps) { return {steps}; }
};
struct Sums {
  int32_t v[kInt8Lanes];
  static Sums set(int32_t x) {
    Sums r;
    for (int32_t& each : r.v) each = x;
    return r;
  }
  friend Sums add_products(Weights16 w, Quad q, Sums s) {
    for (size_t i = 0; i < kInt8Lanes * kInt8Quad; ++i) s.v[i / kInt8Quad] += w.bytes[i] * q.steps[i % kInt8Quad];
    return s;
  }
  Lanes<float> to_float() const {
    return Lanes<float>::each([&](size_t i) { return static_cast<float>(v[i]); });
  }
};
