// SPDX-License-Identifier: MIT
#include "core/products.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "test/linear_case.h"

namespace proxima {
namespace {

using test::LinearCase;
using test::Random;
using test::same_bits;

template <class T>
std::vector<T> run(const LinearCase<T>& c, const Compute& compute, Precision precision) {
  Products products(compute, precision);
  std::vector<T> y(c.n_rows * c.matrix.n_out, T{77});
  for (int again = 0; again < 2; ++again) {  // the second time with primitives and scratch already made
    products.linear<T>(c.x.data(), c.n_rows, {{c.matrix, c.bias.empty() ? nullptr : c.bias.data(), y.data()}});
  }
  return y;
}

template <class T>
class ProductsTest : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(ProductsTest, Types);

TYPED_TEST(ProductsTest, FixedOrderIsTheProductAndTheSameOnAllTargetsAndThreads) {
  using T = TypeParam;
  const Precision precision = std::is_same_v<T, double> ? Precision::kF64 : Precision::kF32;
  Random random(1);
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    for (const size_t n_rows : {1U, 2U, 7U, 33U}) {
      const LinearCase<T> c(random, dtype, n_rows, random.between(1, 100), random.between(1, 130),
                            random.below(2) == 0);
      const auto expected = run(c, {&kernels_for(SimdTarget::kScalar), 1}, precision);
      const double steps = static_cast<double>(c.matrix.n_in) + 8;
      EXPECT_LE(c.error(expected, false), steps * std::numeric_limits<T>::epsilon() / 2);
      for (const SimdTarget target : supported_simd_targets()) {
        for (const int n_threads : {1, 2}) {
          EXPECT_TRUE(same_bits(run(c, {&kernels_for(target), n_threads, 1}, precision), expected));
        }
      }
    }
  }
}

// Few rows, many rows, widths beyond a panel; bf16, f16 and f32 weights at odd addresses; with and without bf16 units.
TEST(FastProductsTest, AreTheProduct) {
  Random random(2);
  for (const SimdTarget target : supported_simd_targets()) {
    SCOPED_TRACE(simd_target_name(target));
    for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
      for (const size_t n_rows : {1U, 15U, 16U, 17U, 64U, 100U}) {
        for (const auto& [n_out, n_in] : {std::pair<size_t, size_t>{33, 65}, {300, 96}, {5, 2048}, {64, 31}, {1, 1}}) {
          const LinearCase<float> c(random, dtype, n_rows, n_out, n_in, n_out % 2 == 0);
          const double unit = (static_cast<double>(n_in) + 8) * std::numeric_limits<float>::epsilon() / 2;
          // With bf16 units, x is rounded once and that is all. Few rows are not, where n_in is small.
          const bool may_round = target == SimdTarget::kAvx512 && dtype == DType::kBF16 && has_bf16_products();
          const auto y = run(c, {&kernels_for(target), 2, 1}, Precision::kFast);
          const double error = c.error(y, false);
          EXPECT_LE(may_round ? std::min(error, c.error(y, true)) : error, unit) << n_rows << " rows";
          EXPECT_TRUE(same_bits(y, run(c, {&kernels_for(target), 2, 1}, Precision::kFast)));
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

}  // namespace
}  // namespace proxima
