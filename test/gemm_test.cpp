// SPDX-License-Identifier: MIT
// Large products beside sums in double precision: BlockedGemm on either kind of words, and oneDNN's, which a processor
// without tiles does not use otherwise.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "core/blocked_gemm.h"
#include "core/onednn_gemm.h"
#include "test/linear_case.h"

namespace proxima {
namespace {

using test::LinearCase;
using test::Random;
using test::same_bits;
using test::StoredMatrix;

// Half a unit in the last place for every addition.
double tolerance(const LinearCase<float>& c) {
  return (static_cast<double>(c.matrix.n_in) + 2) * std::numeric_limits<float>::epsilon() / 2;
}

Compute compute_of(int n_threads) {
  return {&kernels_for(SimdTarget::kAvx512), n_threads, 1};
}

class BlockedGemmTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::ranges::count(supported_simd_targets(), SimdTarget::kAvx512) == 0) GTEST_SKIP() << "needs AVX-512";
  }
};

// One to five panels of rows, with each number of registers in the last; groups and words cut anywhere; several blocks
// of words and of rows.
TEST_F(BlockedGemmTest, IsTheProductForAnyShapeAndThreads) {
  Random random(1);
  for (const DType dtype : {DType::kBF16, DType::kF16, DType::kF32}) {
    for (const auto& [n_rows, n_out, n_in] : {std::array<size_t, 3>{1, 1, 1},
                                              {16, 24, 32},
                                              {17, 23, 33},
                                              {40, 49, 31},
                                              {64, 96, 64},
                                              {70, 25, 901},
                                              {100, 48, 1300},
                                              {113, 1000, 18},
                                              {300, 50, 70},
                                              {530, 30, 45}}) {
      SCOPED_TRACE(fmt::format("{} {} {} {}", dtype_name(dtype), n_rows, n_out, n_in));
      const LinearCase<float> c(random, dtype, n_rows, n_out, n_in, false);
      std::vector<float> expected;
      for (const int n_threads : {1, 2, 3}) {
        const auto gemm = BlockedGemm::create(compute_of(n_threads));
        std::vector<float> y(n_rows * n_out, 77);
        const GemmProduct product{c.matrix, y.data()};
        for (int again = 0; again < 2; ++again) gemm->multiply(c.x.data(), n_rows, n_in, {&product, 1});
        if (expected.empty()) expected = y;
        EXPECT_TRUE(same_bits(y, expected)) << n_threads << " threads";
      }
      EXPECT_LE(c.error(expected, dtype == DType::kBF16 && has_bf16_products()), tolerance(c));
    }
  }
}

// Products of one x may be of different types and sizes; scratch of a large one serves a small one.
TEST_F(BlockedGemmTest, TakesSeveralProductsOfOneX) {
  Random random(2);
  const auto gemm = BlockedGemm::create(compute_of(2));
  for (const size_t n_rows : {96U, 20U}) {
    const LinearCase<float> a(random, DType::kBF16, n_rows, 100, 90, false),
        b(random, DType::kF32, n_rows, 7, 90, false), c(random, DType::kBF16, n_rows, 31, 90, false);
    std::vector<std::vector<float>> y;
    std::vector<GemmProduct> products;
    for (const LinearCase<float>* one : {&a, &b, &c}) y.emplace_back(n_rows * one->matrix.n_out);
    products = {{a.matrix, y[0].data()}, {b.matrix, y[1].data()}, {c.matrix, y[2].data()}};
    gemm->multiply(a.x.data(), n_rows, 90, products);
    for (size_t i = 0; i < products.size(); ++i) {
      std::vector<float> alone(y[i].size());
      const GemmProduct product{products[i].w, alone.data()};
      gemm->multiply(a.x.data(), n_rows, 90, {&product, 1});
      EXPECT_TRUE(same_bits(alone, y[i])) << i;
    }
  }
}

// What is not finite stays in its row of x or its row of W.
TEST_F(BlockedGemmTest, KeepsWhatIsNotFiniteInItsRowAndColumn) {
  Random random(3);
  constexpr size_t kRows = 35, kOut = 26, kIn = 33;
  LinearCase<float> c(random, DType::kBF16, kRows, kOut, kIn, false);
  const auto gemm = BlockedGemm::create(compute_of(1));
  std::vector<float> y(kRows * kOut);
  const GemmProduct product{c.matrix, y.data()};
  c.x[20 * kIn + 32] = std::numeric_limits<float>::quiet_NaN();
  gemm->multiply(c.x.data(), kRows, kIn, {&product, 1});
  for (size_t r = 0; r < kRows; ++r) {
    for (size_t o = 0; o < kOut; ++o) EXPECT_EQ(std::isnan(y[r * kOut + o]), r == 20) << r << ' ' << o;
  }
}

// The word that is half of a row of odd length has no trace of an earlier product.
TEST_F(BlockedGemmTest, LeavesNothingBehindInHalfAWord) {
  Random random(5);
  constexpr size_t kRows = 16, kOut = 5;
  const auto gemm = BlockedGemm::create(compute_of(1));
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const StoredMatrix nans(DType::kBF16, kOut, 34, std::vector<double>(kOut * 34, nan));
  const std::vector<float> x(kRows * 34);
  std::vector<float> y(kRows * kOut);
  const GemmProduct of_nans{{nans.rows(), kOut, 34}, y.data()};
  gemm->multiply(x.data(), kRows, 34, {&of_nans, 1});
  const LinearCase<float> c(random, DType::kBF16, kRows, kOut, 33, false);
  const GemmProduct product{c.matrix, y.data()};
  gemm->multiply(c.x.data(), kRows, 33, {&product, 1});
  EXPECT_LE(c.error(y, has_bf16_products()), tolerance(c));
}

TEST(OneDnnGemmTest, IsTheProduct) {
  if (!OneDnnGemm::built_in()) GTEST_SKIP() << "this build has no oneDNN";
  if (!has_bf16_products()) GTEST_SKIP() << "this processor has no AVX512_BF16";
  Random random(4);
  const auto gemm = OneDnnGemm::create(compute_of(2));
  for (const auto& [n_rows, n_out, n_in] :
       {std::array<size_t, 3>{1, 1, 1}, {17, 23, 33}, {64, 96, 64}, {100, 48, 1300}, {17, 23, 33}}) {
    SCOPED_TRACE(fmt::format("{} {} {}", n_rows, n_out, n_in));
    const LinearCase<float> c(random, DType::kBF16, n_rows, n_out, n_in, false);
    std::vector<float> y(n_rows * n_out, 77);
    gemm->multiply(c.x.data(), n_rows, {c.matrix, y.data()});
    EXPECT_LE(c.error(y, true), tolerance(c));
  }
}

}  // namespace
}  // namespace proxima
