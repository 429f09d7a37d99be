// SPDX-License-Identifier: MIT
// Rows as blocks of 32 elements with one scale: what is written, and what is read back, on every SIMD target.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/kernels.h"
#include "kvcache/dense_cache.h"
#include "kvcache/quest_cache.h"
#include "test/random.h"
#include "test/stored_matrix.h"

namespace proxima {
namespace {

using test::Random;

std::vector<std::byte> narrowed(const Kernels& kernels, const std::vector<float>& x) {
  std::vector<std::byte> stored(1 + row_bytes(DType::kQ8_0, x.size()) + 1, std::byte{0x5A});
  kernels.f32.narrow(x.data(), x.size(), DType::kQ8_0, stored.data() + 1);  // an odd address
  EXPECT_EQ(stored.front(), std::byte{0x5A});
  EXPECT_EQ(stored.back(), std::byte{0x5A});
  return {stored.begin() + 1, stored.end() - 1};
}

// Magnitudes from below the smallest scale of F16 to its largest, blocks of zeros, of one element, of equal ones.
std::vector<float> blocks_of(Random& random) {
  std::vector<float> x;
  for (int exponent = -40; exponent <= 22; ++exponent) {
    for (float each : random.numbers<float>(64, 1)) x.push_back(std::ldexp(each, exponent));
  }
  x.resize(x.size() + 32);
  for (const float each : {3.0F, -0.7F, 1e-7F}) {
    x.resize(x.size() + 31);
    x.push_back(each);
    x.insert(x.end(), 32, each);
  }
  return x;
}

TEST(Q8Test, NoElementIsOffByMoreThanHalfItsScale) {
  Random random(1);
  const auto x = blocks_of(random);
  const auto expected = narrowed(kernels_for(SimdTarget::kScalar), x);
  for (size_t begin = 0; begin < x.size(); begin += 32) {
    const std::byte* block = expected.data() + begin / 32 * 34;
    const double scale = test::decode(DType::kF16, block);
    double largest = 0;
    for (size_t k = 0; k < 32; ++k) largest = std::max(largest, std::abs(static_cast<double>(x[begin + k])));
    ASSERT_LE(scale, largest / 127 * (1 + 0x1p-11 + 0x1p-23) + 0x1p-24);  // no coarser than it must be
    const auto read = test::decode_row(DType::kQ8_0, block, 32);
    for (size_t k = 0; k < 32; ++k) {
      ASSERT_NEAR(read[k], static_cast<double>(x[begin + k]), scale / 2 * (1 + 0x1p-16)) << "largest " << largest;
    }
  }
  for (const SimdTarget target : supported_simd_targets()) {
    EXPECT_EQ(narrowed(kernels_for(target), x), expected) << simd_target_name(target);
  }
}

TEST(Q8Test, WhatIsNotFiniteOrTooLargeReadsAsNaN) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float odd : {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity, 1e8F}) {
    for (const size_t place : {0U, 15U, 16U, 31U}) {
      std::vector<float> x(96, 1.0F);
      x[32 + place] = odd;
      const auto scalar = narrowed(kernels_for(SimdTarget::kScalar), x);
      for (const SimdTarget target : supported_simd_targets()) {
        const auto stored = narrowed(kernels_for(target), x);
        EXPECT_EQ(stored, scalar);
        std::vector<float> read(96);
        kernels_for(target).f32.widen(stored.data(), DType::kQ8_0, 96, read.data());
        for (size_t k = 0; k < 96; ++k) ASSERT_EQ(std::isnan(read[k]), k / 32 == 1) << odd << " at " << place;
      }
    }
  }
}

TEST(Q8Test, WidenIsExactAndStopsAtTheEnd) {
  Random random(2);
  for (const SimdTarget target : supported_simd_targets()) {
    for (const size_t n : {0U, 32U, 64U, 96U, 128U, 1024U}) {
      const test::StoredMatrix row(DType::kQ8_0, 1, n, random.numbers<double>(n, 5), random.below(64), 1);
      std::vector<float> x(n + 1, 77);
      kernels_for(target).f32.widen(row.rows().data, DType::kQ8_0, n, x.data());
      for (size_t k = 0; k < n; ++k) ASSERT_EQ(static_cast<double>(x[k]), row.at(0, k));
      ASSERT_EQ(x[n], 77);
    }
  }
}

// Quest's pages bound the keys that the blocks hold, closely.
TEST(Q8Test, PageBoundsHoldTheKeysBetweenThem) {
  const CacheGeometry geometry{1, 1, 64, {0}, {}};
  const CacheCapacity capacity{100, 40, DType::kQ8_0, DType::kQ8_0};
  QuestCache cache(std::make_unique<DenseCache>(geometry, capacity), nullptr, 16);
  Random random(3);
  const auto x = random.numbers<float>(40 * 64, 2);
  const auto keys = narrowed(kernels_for(SimdTarget::kScalar), x);
  cache.begin_prompt(40);
  cache.append(0, 40, keys.data(), keys.data());
  cache.end_prompt();
  const auto stores = cache.save();
  const auto bounds = [&](const std::string& name) {
    const auto found = std::ranges::find(stores, "layers.0.heads.0." + name + "_of_page", &KeptRows::name);
    EXPECT_EQ(found->dtype, DType::kBF16);
    return test::decode_row(DType::kBF16, found->runs.front().data, 3 * 64);
  };
  const auto least = bounds("least"), largest = bounds("largest");
  const auto stored = test::decode_row(DType::kQ8_0, keys.data(), 40 * 64);
  for (size_t page = 0; page < 3; ++page) {
    for (size_t c = 0; c < 64; ++c) {
      double low = 1e9, high = -1e9;
      for (size_t row = 16 * page; row < std::min<size_t>(40, 16 * page + 16); ++row) {
        low = std::min(low, stored[row * 64 + c]), high = std::max(high, stored[row * 64 + c]);
      }
      const double got_low = least[page * 64 + c], got_high = largest[page * 64 + c];
      ASSERT_LE(got_low, low);
      ASSERT_GE(got_high, high);
      ASSERT_NEAR(got_low, low, std::abs(low) / 128);
      ASSERT_NEAR(got_high, high, std::abs(high) / 128);
    }
  }
}

}  // namespace
}  // namespace proxima
