// SPDX-License-Identifier: MIT
// Products and mixes that round to bf16 against plain loops in double over the rounded numbers.
#include "core/bf16_row_kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "test/random.h"
#include "test/stored_matrix.h"

namespace proxima {
namespace {

using test::Random;
using test::StoredMatrix;

constexpr size_t kWidths[] = {32, 64, 96, 256, 4096, 4128, 8192, 16384};  // some for fewer than four rows at a time
constexpr size_t kRows[] = {1, 2, 3, 4, 5, 8, 11};
constexpr size_t kKeys[] = {1, 2, 15, 16, 17, 63, 64, 65, 131};
constexpr double kUnit = std::numeric_limits<float>::epsilon() / 2;

class Bf16RowKernelsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_bf16_products()) GTEST_SKIP() << "this processor has no AVX512_BF16";
  }
  static Arithmetic<float> best() {
    return arithmetic_for<float>({&kernels_for(supported_simd_targets().back()), 1}, Precision::kFast);
  }
};

double rounded(float x) {
  return static_cast<double>(widen(round_to_bf16(x)));
}

TEST_F(Bf16RowKernelsTest, Dot) {
  Random random(1);
  for (const size_t n : kWidths) {
    for (const size_t n_x : kRows) {
      for (const size_t n_w : kKeys) {
        const size_t x_stride = n + random.below(5), y_stride = n_w + random.below(5);
        const auto x = random.numbers<float>(n_x * x_stride);
        const auto w = random_bf16_rows(random, n_w, n);
        std::vector<float> y(n_x * y_stride + 1, 77);
        best().dot(x.data(), x_stride, n_x, w.rows(), n_w, n, y.data(), y_stride);
        for (size_t i = 0; i < y.size(); ++i) {
          const size_t r = i / y_stride, k = i % y_stride;
          if (r == n_x || k >= n_w) {
            ASSERT_EQ(y[i], 77);
            continue;
          }
          double sum = 0, magnitude = 0;
          for (size_t c = 0; c < n; ++c) {
            const double term = rounded(x[r * x_stride + c]) * w.at(k, c);
            sum += term;
            magnitude += std::abs(term);
          }
          ASSERT_NEAR(static_cast<double>(y[i]), sum, static_cast<double>(n) * kUnit * magnitude);
        }
      }
    }
  }
}

TEST_F(Bf16RowKernelsTest, Mix) {
  Random random(2);
  for (const size_t n : {size_t{96}, size_t{128}}) {
    for (const size_t n_r : kRows) {
      for (const size_t n_keys : kKeys) {
        for (const bool accumulate : {false, true}) {
          const size_t p_stride = n_keys + random.below(5), out_stride = n + random.below(5);
          const auto p = random.numbers<float>(n_r * p_stride);
          const auto v = random_bf16_rows(random, n_keys, n);
          const auto before = random.numbers<float>(n_r * out_stride + 1);
          auto out = before;
          best().mix(p.data(), p_stride, n_r, v.rows(), n_keys, n, out.data(), out_stride, accumulate);
          for (size_t i = 0; i < out.size(); ++i) {
            const size_t r = i / out_stride, c = i % out_stride;
            if (r == n_r || c >= n) {
              ASSERT_EQ(out[i], before[i]);
              continue;
            }
            double sum = accumulate ? static_cast<double>(before[i]) : 0, magnitude = std::abs(sum);
            for (size_t key = 0; key < n_keys; ++key) {
              const double term = rounded(p[r * p_stride + key]) * v.at(key, c);
              sum += term;
              magnitude += std::abs(term);
            }
            ASSERT_NEAR(static_cast<double>(out[i]), sum, static_cast<double>(n_keys + 1) * kUnit * magnitude);
          }
        }
      }
    }
  }
}

TEST_F(Bf16RowKernelsTest, NaNStays) {
  std::vector<float> x(64, 1), y(16);
  x[40] = std::numeric_limits<float>::quiet_NaN();
  const StoredMatrix ones(DType::kBF16, 64, 64, std::vector<double>(64 * 64, 1), 0);
  best().dot(x.data(), 64, 1, ones.rows(), 16, 64, y.data(), 16);
  for (const float value : y) EXPECT_TRUE(std::isnan(value));
  const StoredMatrix wide(DType::kBF16, 64, 128, std::vector<double>(64 * 128, 1), 0);
  std::vector<float> out(128);
  best().mix(x.data(), 64, 1, wide.rows(), 64, 128, out.data(), 128, false);
  for (const float value : out) EXPECT_TRUE(std::isnan(value));
}

// What it cannot round, it computes with the bits of the table it stands in for.
TEST(ArithmeticFor, RoundsNothingElse) {
  Random random(3);
  for (const SimdTarget target : supported_simd_targets()) {
    const Kernels& kernels = kernels_for(target);
    const Compute compute{&kernels, 1};
    const Arithmetic<float> arithmetic = arithmetic_for<float>(compute, Precision::kFast);
    const bool rounds = target == SimdTarget::kAvx512 && has_bf16_products();
    EXPECT_EQ(arithmetic_for<float>(compute, Precision::kF32).dot, kernels.f32.dot);
    EXPECT_EQ(arithmetic_for<float>(compute, Precision::kF32).mix, kernels.f32.mix);
    EXPECT_EQ(arithmetic.dot != kernels.f32.dot, rounds);
    EXPECT_EQ(arithmetic.mix != kernels.f32.mix, rounds);
    const auto expect_same_mix = [&](DType dtype, size_t n) {
      const StoredMatrix rows(dtype, 20, n, random.numbers<double>(20 * n), 0);
      const auto p = random.numbers<float>(3 * 20);
      std::vector<float> out(3 * n), expected(3 * n);
      arithmetic.mix(p.data(), 20, 3, rows.rows(), 20, n, out.data(), n, false);
      kernels.f32.mix(p.data(), 20, 3, rows.rows(), 20, n, expected.data(), n, false);
      EXPECT_EQ(out, expected);
    };
    const auto expect_same = [&](DType dtype, size_t n) {
      const StoredMatrix rows(dtype, 20, n, random.numbers<double>(20 * n), 0);
      const auto x = random.numbers<float>(3 * n);
      std::vector<float> y(60), expected(60);
      arithmetic.dot(x.data(), n, 3, rows.rows(), 20, n, y.data(), 20);
      kernels.f32.dot(x.data(), n, 3, rows.rows(), 20, n, expected.data(), 20);
      EXPECT_EQ(y, expected);
    };
    expect_same(DType::kBF16, 80);
    expect_same(DType::kBF16, 16384 + 32);
    expect_same(DType::kF16, 64);
    expect_same(DType::kF32, 64);
    expect_same(DType::kQ8_0, 64);
    for (const size_t n : std::initializer_list<size_t>{64, 80, 112, 160, 256}) expect_same_mix(DType::kBF16, n);
    for (const DType dtype : {DType::kF16, DType::kF32, DType::kQ8_0}) expect_same_mix(dtype, 128);
  }
}

}  // namespace
}  // namespace proxima
