// SPDX-License-Identifier: MIT
// Virtual registers of 64 bytes over Highway: one 512-bit register, two of 256 or four of 128 bits. Whatever the
// register size, lane i is element i, and sums are the same tree, so every target gives the bits of lanes_scalar-inl.h.
// Included inside HWY_NAMESPACE, once per target.

namespace hn = hwy::HWY_NAMESPACE;

// Register tiles, as large as the target's registers allow.
#if HWY_TARGET <= HWY_AVX3
constexpr size_t kTileRows = 4;
constexpr size_t kTileColumns = 4;
constexpr size_t kBlockRegisters = 3;  // of rows, in blocked attention
constexpr size_t kBlockColumns = 8;
#else
constexpr size_t kTileRows = 2;
constexpr size_t kTileColumns = 2;
constexpr size_t kBlockRegisters = 1;
constexpr size_t kBlockColumns = 6;
#endif

template <class T>
struct Lanes {
  static constexpr size_t kSize = 64 / sizeof(T);
  using D = hn::ScalableTag<T>;
  using V = hn::Vec<D>;
  static constexpr size_t kPerRegister = hn::MaxLanes(D());
  static constexpr size_t kRegisters = kSize / kPerRegister;
  V v[kRegisters];

  template <class F>
  static HWY_INLINE Lanes each(F f) {
    Lanes r;
    for (size_t i = 0; i < kRegisters; ++i) r.v[i] = f(i);
    return r;
  }
  static HWY_INLINE Lanes zero() { return set(T{0}); }
  static HWY_INLINE Lanes set(T x) {
    Lanes r;
    for (size_t i = 0; i < kRegisters; ++i) r.v[i] = hn::Set(D(), x);
    return r;
  }
  static HWY_INLINE Lanes load(const T* x) {
    Lanes r;
    for (size_t i = 0; i < kRegisters; ++i) r.v[i] = hn::LoadU(D(), x + i * kPerRegister);
    return r;
  }
  // kSize stored elements, widened. The address may be any byte: only unaligned vector loads touch it.
  template <class S>
  static HWY_INLINE Lanes load(const std::byte* stored) {
    Lanes r;
    for (size_t i = 0; i < kRegisters; ++i) r.v[i] = load_register<S>(stored + i * kPerRegister * sizeof(S));
    return r;
  }
  // kSize signed bytes; one element, widened, in all lanes. T is float.
  static HWY_INLINE Lanes load_int8(const std::byte* stored) {
    const hn::Rebind<int8_t, D> d8;
    const hn::Rebind<int32_t, D> d32;
    return each([&](size_t i) HWY_ATTR {
      const auto* p = reinterpret_cast<const int8_t*>(stored + i * kPerRegister);
      return hn::ConvertTo(D(), hn::PromoteTo(d32, hn::LoadU(d8, p)));
    });
  }
  static HWY_INLINE Lanes set_f16(const std::byte* stored) {
    const hn::Rebind<uint16_t, D> du16;
    const hn::Rebind<hwy::float16_t, D> d16;
    uint16_t bits = 0;
    std::memcpy(&bits, stored, sizeof(bits));
    const auto x = hn::PromoteTo(D(), hn::BitCast(d16, hn::Set(du16, bits)));
    return each([&](size_t) HWY_ATTR { return x; });
  }
  HWY_INLINE void store(T* x) const {
    for (size_t i = 0; i < kRegisters; ++i) hn::StoreU(v[i], D(), x + i * kPerRegister);
  }
  // Rounds to nearest even; S is BF16 or F16, T float.
  template <class S>
  HWY_INLINE void store_as(std::byte* stored) const {
    for (size_t i = 0; i < kRegisters; ++i) store_register<S>(v[i], stored + i * kPerRegister * sizeof(S));
  }

#define PROXIMA_EACH(expression)                                 \
  {                                                              \
    Lanes r;                                                     \
    for (size_t i = 0; i < kRegisters; ++i) r.v[i] = expression; \
    return r;                                                    \
  }
  friend HWY_INLINE Lanes operator+(Lanes a, Lanes b) PROXIMA_EACH(hn::Add(a.v[i], b.v[i]));
  friend HWY_INLINE Lanes operator-(Lanes a, Lanes b) PROXIMA_EACH(hn::Sub(a.v[i], b.v[i]));
  friend HWY_INLINE Lanes operator*(Lanes a, Lanes b) PROXIMA_EACH(hn::Mul(a.v[i], b.v[i]));
  friend HWY_INLINE Lanes operator/(Lanes a, Lanes b) PROXIMA_EACH(hn::Div(a.v[i], b.v[i]));
  friend HWY_INLINE Lanes fma(Lanes a, Lanes b, Lanes c) PROXIMA_EACH(hn::MulAdd(a.v[i], b.v[i], c.v[i]));
  // a > b ? a : b and a < b ? a : b, thus b where one is NaN. x86 has just that as an instruction.
#if HWY_ARCH_X86
  friend HWY_INLINE Lanes max(Lanes a, Lanes b) PROXIMA_EACH(hn::Max(a.v[i], b.v[i]));
  friend HWY_INLINE Lanes min(Lanes a, Lanes b) PROXIMA_EACH(hn::Min(a.v[i], b.v[i]));
#else
  friend HWY_INLINE Lanes max(Lanes a, Lanes b) PROXIMA_EACH(hn::IfThenElse(hn::Gt(a.v[i], b.v[i]), a.v[i], b.v[i]));
  friend HWY_INLINE Lanes min(Lanes a, Lanes b) PROXIMA_EACH(hn::IfThenElse(hn::Lt(a.v[i], b.v[i]), a.v[i], b.v[i]));
#endif
  // x < limit ? 0 : y
  friend HWY_INLINE Lanes zero_if_less(Lanes x, Lanes limit, Lanes y)
      PROXIMA_EACH(hn::IfThenZeroElse(hn::Lt(x.v[i], limit.v[i]), y.v[i]));
  // 2^k, where k is the integer in the low bits of x's pattern (x = 1.5 * 2^mantissa_bits + k).
  friend HWY_INLINE Lanes exponent_from_low_bits(Lanes x) PROXIMA_EACH(exponent_register(x.v[i]));
#undef PROXIMA_EACH
  // x = 2^exponent * f, f in [sqrt(1/2), sqrt(2)), for positive normal x. Returns f.
  friend HWY_INLINE Lanes split_exponent(Lanes x, Lanes& exponent) {
    Lanes f;
    for (size_t i = 0; i < kRegisters; ++i) f.v[i] = split_register(x.v[i], exponent.v[i]);
    return f;
  }

  // The tree (i, i + size/2), then half as many, down to one.
  friend HWY_INLINE T sum(Lanes a) {
    for (size_t half = kRegisters / 2; half > 0; half /= 2) {
      for (size_t i = 0; i < half; ++i) a.v[i] = hn::Add(a.v[i], a.v[i + half]);
    }
    return fold(D(), a.v[0], [](auto x, auto y) HWY_ATTR { return hn::Add(x, y); });
  }
  // The sums of four, by the same tree. Where a register holds all lanes, the four share its steps.
  friend HWY_INLINE void store_four_sums(Lanes a, Lanes b, Lanes c, Lanes d, T* sums) {
    if constexpr (kRegisters == 1 && kPerRegister == 16) {
      const D tag;
      const auto halves = [&](Lanes x, Lanes y) HWY_ATTR {  // blocks x, x, y, y
        return hn::Add(hn::ConcatLowerLower(tag, y.v[0], x.v[0]), hn::ConcatUpperUpper(tag, y.v[0], x.v[0]));
      };
      const auto even = halves(a, c);
      const auto odd = halves(b, d);
      const auto blocks = hn::Add(hn::OddEvenBlocks(hn::SwapAdjacentBlocks(odd), even),
                                  hn::OddEvenBlocks(odd, hn::SwapAdjacentBlocks(even)));  // one per sum
      const auto pairs = hn::Add(blocks, hn::Shuffle1032(blocks));
      const auto totals = hn::Add(pairs, hn::Shuffle2301(pairs));
      alignas(64) static constexpr int32_t kFirstOfBlock[16] = {0, 4, 8, 12};
      const auto gathered = hn::TableLookupLanes(totals, hn::SetTableIndices(tag, kFirstOfBlock));
      const hn::Half<hn::Half<D>> quarter;
      hn::StoreU(hn::LowerHalf(quarter, hn::LowerHalf(gathered)), quarter, sums);
    } else {
      sums[0] = sum(a), sums[1] = sum(b), sums[2] = sum(c), sums[3] = sum(d);
    }
  }
  friend HWY_INLINE T largest(Lanes a) {
    for (size_t half = kRegisters / 2; half > 0; half /= 2) {
      for (size_t i = 0; i < half; ++i) a.v[i] = hn::Max(a.v[i], a.v[i + half]);
    }
    return fold(D(), a.v[0], [](auto x, auto y) HWY_ATTR { return hn::Max(x, y); });
  }

 private:
  template <class Tag, class Vec, class F>
  static HWY_INLINE T fold(Tag /*tag*/, Vec a, F f) {
    if constexpr (hn::MaxLanes(Tag()) * sizeof(T) > 16) {
      const hn::Half<Tag> half;
      return fold(half, f(hn::LowerHalf(half, a), hn::UpperHalf(half, a)), f);
    } else if constexpr (sizeof(T) == 4) {
      const auto pairs = f(a, hn::Shuffle1032(a));
      return hn::GetLane(f(pairs, hn::Shuffle2301(pairs)));
    } else {
      return hn::GetLane(f(a, hn::Shuffle01(a)));
    }
  }

  template <class S>
  static HWY_INLINE V load_register(const std::byte* p) {
    if constexpr (std::is_same_v<S, T>) {
      return hn::LoadU(D(), reinterpret_cast<const T*>(p));
    } else if constexpr (std::is_same_v<T, double>) {
      const hn::Rebind<float, D> d32;
      return hn::PromoteTo(D(), load_float(d32, S{}, p));
    } else {
      return load_float(D(), S{}, p);
    }
  }
  template <class D32>
  static HWY_INLINE hn::Vec<D32> load_float(D32 d32, float, const std::byte* p) {
    return hn::LoadU(d32, reinterpret_cast<const float*>(p));
  }
  template <class D32>
  static HWY_INLINE hn::Vec<D32> load_float(D32 d32, BF16, const std::byte* p) {
    const hn::Rebind<uint16_t, D32> d16;
    const hn::RebindToUnsigned<D32> du32;
    return hn::BitCast(d32,
                       hn::ShiftLeft<16>(hn::PromoteTo(du32, hn::LoadU(d16, reinterpret_cast<const uint16_t*>(p)))));
  }
  template <class D32>
  static HWY_INLINE hn::Vec<D32> load_float(D32 d32, F16, const std::byte* p) {
    const hn::Rebind<hwy::float16_t, D32> d16;
    return hn::PromoteTo(d32, hn::LoadU(d16, reinterpret_cast<const hwy::float16_t*>(p)));
  }

  template <class S>
  static HWY_INLINE void store_register(V x, std::byte* p) {
    if constexpr (std::is_same_v<S, BF16>) {
      const hn::RebindToUnsigned<D> du32;
      const hn::Rebind<uint16_t, D> du16;
      const auto bits = hn::BitCast(du32, x);
      const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(du32, 1u));
      const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(du32, 0x7FFFu))));
      const auto quiet = hn::Or(hn::ShiftRight<16>(bits), hn::Set(du32, 0x40u));
      const auto is_nan = hn::RebindMask(du32, hn::IsNaN(x));
      const auto result = hn::IfThenElse(is_nan, quiet, rounded);
      hn::StoreU(hn::TruncateTo(du16, result), du16, reinterpret_cast<uint16_t*>(p));
    } else {
      const hn::Rebind<hwy::float16_t, D> d16;
      hn::StoreU(hn::DemoteTo(d16, x), d16, reinterpret_cast<hwy::float16_t*>(p));
    }
  }

  static HWY_INLINE V split_register(V x, V& exponent) {
    const hn::RebindToUnsigned<D> du;
    using Constants = SplitConstants<T>;
    constexpr int kShift = Constants::kMantissaBits;
    const auto bits = hn::BitCast(du, x);
    const auto one = hn::Set(du, Constants::kOne);
    const auto k = hn::ShiftRight<kShift>(hn::Add(bits, hn::Set(du, Constants::kOne - Constants::kRootHalf)));
    exponent =
        hn::Sub(hn::BitCast(D(), hn::Or(k, hn::Set(du, Constants::kMagic))), hn::Set(D(), Constants::kMagicBias));
    return hn::BitCast(D(), hn::Add(hn::Sub(bits, hn::ShiftLeft<kShift>(k)), one));
  }

  static HWY_INLINE V exponent_register(V x) {
    const hn::RebindToUnsigned<D> du;
    using U = hn::TFromD<decltype(du)>;
    constexpr U kBias = sizeof(T) == 4 ? 127 : 1023;
    constexpr int kShift = sizeof(T) == 4 ? 23 : 52;
    return hn::BitCast(D(), hn::ShiftLeft<kShift>(hn::Add(hn::BitCast(du, x), hn::Set(du, kBias))));
  }
};

// ---- integers, see int8_product-inl.h -------------------------------------------------------------------------------

#if HWY_TARGET <= HWY_AVX3
constexpr size_t kInt8Rows = 4;
#else
constexpr size_t kInt8Rows = 2;
#endif

using Int16s = hn::ScalableTag<int16_t>;
using Int32s = hn::ScalableTag<int32_t>;
constexpr size_t kInt32s = hn::MaxLanes(Int32s());
constexpr size_t kInt32Registers = kInt8Lanes / kInt32s;

// In each 32-bit lane a[0] b[0] + a[1] b[1] of its 16-bit halves.
HWY_INLINE hn::Vec<Int32s> sum_of_pairs(hn::Vec<Int16s> a, hn::Vec<Int16s> b, hn::Vec<Int32s> sum) {
#if HWY_ARCH_X86
  auto unused = hn::Zero(Int32s());
  return hn::ReorderWidenMulAccumulate(Int32s(), a, b, sum, unused);  // on x86 in order
#else
  const auto wide_a = hn::BitCast(Int32s(), a), wide_b = hn::BitCast(Int32s(), b);
  const auto low = [](hn::Vec<Int32s> x) HWY_ATTR { return hn::ShiftRight<16>(hn::ShiftLeft<16>(x)); };
  const auto products =
      hn::Add(hn::Mul(low(wide_a), low(wide_b)), hn::Mul(hn::ShiftRight<16>(wide_a), hn::ShiftRight<16>(wide_b)));
  return hn::Add(sum, products);
#endif
}

// Bytes as 16-bit integers: the first and third of each four, the second and fourth.
struct Weights16 {
  hn::Vec<Int16s> even[kInt32Registers], odd[kInt32Registers];
  static HWY_INLINE Weights16 load(const uint8_t* bytes) {
    const hn::RebindToUnsigned<Int16s> du16;
    Weights16 r;
    for (size_t i = 0; i < kInt32Registers; ++i) {
      const auto pairs = hn::LoadU(du16, reinterpret_cast<const uint16_t*>(bytes + i * kInt32s * kInt8Quad));
      r.even[i] = hn::BitCast(Int16s(), hn::And(pairs, hn::Set(du16, uint16_t{0xFF})));
      r.odd[i] = hn::BitCast(Int16s(), hn::ShiftRight<8>(pairs));
    }
    return r;
  }
};
struct Quad {
  hn::Vec<Int16s> even, odd;
  static HWY_INLINE Quad load(const int8_t* steps) {
    const auto pairs = hn::BitCast(Int16s(), hn::Set(Int32s(), quad_bits(steps)));
    return {hn::ShiftRight<8>(hn::ShiftLeft<8>(pairs)), hn::ShiftRight<8>(pairs)};
  }
};
struct Sums {
  hn::Vec<Int32s> v[kInt32Registers];
  static HWY_INLINE Sums set(int32_t x) {
    Sums r;
    for (size_t i = 0; i < kInt32Registers; ++i) r.v[i] = hn::Set(Int32s(), x);
    return r;
  }
  friend HWY_INLINE Sums add_products(const Weights16& w, const Quad& q, Sums s) {
    for (size_t i = 0; i < kInt32Registers; ++i) {
      s.v[i] = sum_of_pairs(w.odd[i], q.odd, sum_of_pairs(w.even[i], q.even, s.v[i]));
    }
    return s;
  }
  HWY_INLINE Lanes<float> to_float() const {
    return Lanes<float>::each([&](size_t i) HWY_ATTR { return hn::ConvertTo(Lanes<float>::D(), v[i]); });
  }
};
