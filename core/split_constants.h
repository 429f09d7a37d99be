// SPDX-License-Identifier: MIT
// Bit patterns with which the virtual registers split a number into exponent and fraction.
#pragma once

#include <cstdint>

namespace proxima {

template <class T>
struct SplitConstants;
template <>
struct SplitConstants<float> {
  using Bits = uint32_t;
  static constexpr int kMantissaBits = 23;
  static constexpr Bits kOne = 0x3F800000;               // 1
  static constexpr Bits kRootHalf = 0x3F3504F3;          // sqrt(1/2)
  static constexpr Bits kMagic = 0x4B000000;             // 2^23: its low bits take a small integer
  static constexpr float kMagicBias = 8388608.0F + 127;  // 2^23 + the bias of exponents
};
template <>
struct SplitConstants<double> {
  using Bits = uint64_t;
  static constexpr int kMantissaBits = 52;
  static constexpr Bits kOne = 0x3FF0000000000000;
  static constexpr Bits kRootHalf = 0x3FE6A09E667F3BCD;
  static constexpr Bits kMagic = 0x4330000000000000;  // 2^52
  static constexpr double kMagicBias = 4503599627370496.0 + 1023;
};

}  // namespace proxima
