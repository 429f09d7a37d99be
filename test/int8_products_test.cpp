// SPDX-License-Identifier: MIT
// Products of quantized activations and weights: every instruction set against a plain loop over the definition, bit by
// bit, and the quantization's own error against its bounds.
#include "core/int8_products.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/products.h"
#include "test/random.h"
#include "test/stored_matrix.h"

namespace proxima {
namespace {

using test::Random;
using test::same_bits;
using test::StoredMatrix;

struct Size {
  size_t n_rows, n_out, n_in;
};
constexpr Size kSizes[] = {{1, 1, 1},     {1, 16, 64},  {1, 17, 65},   {2, 15, 3},    {3, 33, 63},
                           {4, 64, 128},  {5, 100, 67}, {7, 31, 130},  {12, 32, 192}, {13, 130, 256},
                           {29, 48, 577}, {40, 5, 100}, {1, 576, 576}, {16, 65, 1536}};

// One row or block, by the definition: steps of max / 127, ties to even.
struct Quantized {
  explicit Quantized(const std::vector<double>& x) {
    float largest = 0;
    for (const double each : x) largest = std::max(largest, std::abs(static_cast<float>(each)));
    scale = largest / 127;
    for (const double each : x) {
      const float exact = scale > 0 ? static_cast<float>(each) / scale : 0;
      steps.push_back(static_cast<int>(std::nearbyint(std::clamp(exact, -127.0F, 127.0F))));
    }
  }
  float scale = 0;
  std::vector<int> steps;
};

std::vector<double> part(const double* row, size_t begin, size_t end) {
  return {row + begin, row + end};
}

struct Case {
  Case(Random& random, const Size& size, DType dtype)
      : n_rows(size.n_rows),
        n_out(size.n_out),
        n_in(size.n_in),
        x(random.numbers<float>(n_rows * n_in, 3)),
        w(dtype, n_out, n_in, random.numbers<double>(n_out * n_in, 0.1), random.below(64)) {
    if (n_in > 70) x[70] = 400;  // an outlier
  }
  std::vector<float> run(const Compute& compute) const {
    const Int8Matrix quantized(w.rows(), n_out, n_in, compute);
    std::vector<float> y(n_rows * n_out, 77);
    Int8Products(compute).multiply(x.data(), n_rows, n_in, std::vector<Int8Products::Product>{{&quantized, y.data()}});
    return y;
  }
  std::vector<float> by_definition() const {
    std::vector<Quantized> rows;
    for (size_t c = 0; c < n_out; ++c) rows.emplace_back(part(w.row(c), 0, n_in));
    std::vector<float> y;
    for (size_t r = 0; r < n_rows; ++r) {
      const std::vector<double> row(x.begin() + static_cast<ptrdiff_t>(r * n_in),
                                    x.begin() + static_cast<ptrdiff_t>((r + 1) * n_in));
      for (size_t c = 0; c < n_out; ++c) {
        float total = 0;
        for (size_t begin = 0; begin < n_in; begin += kInt8Block) {
          const Quantized block(part(row.data(), begin, std::min(n_in, begin + kInt8Block)));
          int64_t sum = 0;
          for (size_t k = 0; k < block.steps.size(); ++k) sum += block.steps[k] * rows[c].steps[begin + k];
          total = std::fma(static_cast<float>(sum), block.scale, total);
        }
        y.push_back(total * rows[c].scale);
      }
    }
    return y;
  }
  size_t n_rows, n_out, n_in;
  std::vector<float> x;
  StoredMatrix w;
};

TEST(Int8ProductsTest, AreTheDefinitionToTheBitOnEveryTarget) {
  Random random(1);
  for (const Size& size : kSizes) {
    for (const DType dtype : {DType::kBF16, DType::kF16, DType::kF32}) {
      SCOPED_TRACE(std::to_string(size.n_rows) + " x " + std::to_string(size.n_out) + " x " +
                   std::to_string(size.n_in));
      const Case c(random, size, dtype);
      const auto expected = c.by_definition();
      for (const SimdTarget target : supported_simd_targets()) {
        for (const int n_threads : {1, 2}) {
          ASSERT_TRUE(same_bits(c.run({&kernels_for(target), n_threads, 1}), expected)) << simd_target_name(target);
        }
      }
    }
  }
}

// Where the processor has an instruction of its own, the general kernel is still somebody's.
TEST(Int8ProductsTest, TheGeneralKernelAgreesWithTheInstruction) {
  Random random(2);
  for (const SimdTarget target : supported_simd_targets()) {
    const Int8Kernels& general = kernels_for(target).int8;
    const Int8Multiply special = vnni_multiply(target);
    if (special == nullptr) {
      std::printf("%s: no instruction for bytes\n", std::string(simd_target_name(target)).c_str());
      continue;
    }
    for (const Size& size : kSizes) {
      const Case c(random, size, DType::kBF16);
      const Int8Matrix w(c.w.rows(), c.n_out, c.n_in, {&kernels_for(target), 1});
      const size_t n_blocks = (c.n_in + kInt8Block - 1) / kInt8Block, stride = n_blocks * kInt8Block;
      std::vector<int8_t> steps(c.n_rows * stride);
      std::vector<float> scales(c.n_rows * n_blocks);
      std::vector<int32_t> offsets(scales.size());
      for (size_t r = 0; r < c.n_rows; ++r) {
        general.quantize(c.x.data() + r * c.n_in, c.n_in, steps.data() + r * stride, scales.data() + r * n_blocks,
                         offsets.data() + r * n_blocks);
      }
      const Int8Rows x{steps.data(), scales.data(), offsets.data(), stride, n_blocks};
      std::vector<float> a(c.n_rows * (c.n_out + 3), 5), b = a;
      general.multiply(x, c.n_rows, w.groups(), c.n_out, a.data(), c.n_out + 3);
      special(x, c.n_rows, w.groups(), c.n_out, b.data(), c.n_out + 3);
      ASSERT_TRUE(same_bits(a, b)) << simd_target_name(target);
      for (size_t r = 0; r < c.n_rows; ++r) ASSERT_EQ(a[r * (c.n_out + 3) + c.n_out], 5);
    }
  }
}

// |xw - x'w'| <= |x| |w - w'| + |x - x'| |w'|, and nothing is off by more than half its scale.
TEST(Int8ProductsTest, TheErrorIsWithinTheScales) {
  Random random(3);
  for (const Size& size : kSizes) {
    const Case c(random, size, DType::kBF16);
    const auto y = c.run(default_compute());
    for (size_t r = 0; r < c.n_rows; ++r) {
      for (size_t column = 0; column < c.n_out; ++column) {
        const Quantized w(part(c.w.row(column), 0, c.n_in));
        double exact = 0, bound = 0, magnitude = 0;
        for (size_t k = 0; k < c.n_in; ++k) {
          const size_t begin = k / kInt8Block * kInt8Block;
          double largest = 0;
          for (size_t i = begin; i < std::min(c.n_in, begin + kInt8Block); ++i) {
            largest = std::max(largest, std::abs(static_cast<double>(c.x[r * c.n_in + i])));
          }
          const double x = static_cast<double>(c.x[r * c.n_in + k]), weight = c.w.at(column, k);
          exact += x * weight;
          bound += std::abs(x) * static_cast<double>(w.scale) / 2 +
                   largest / 254 * (std::abs(weight) + static_cast<double>(w.scale) / 2);
          magnitude += std::abs(x * weight);
        }
        ASSERT_NEAR(static_cast<double>(y[r * c.n_out + column]), exact, bound * (1 + 1e-5) + 1e-5 * magnitude);
      }
    }
  }
}

TEST(Int8ProductsTest, NotFiniteStaysNotFinite) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const float odd : {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity}) {
    for (const SimdTarget target : supported_simd_targets()) {
      std::vector<float> x(3 * 130, 1.0F);
      x[130 + 129] = odd;
      const StoredMatrix w(DType::kBF16, 20, 130, std::vector<double>(20 * 130, 0.5));
      const Compute compute{&kernels_for(target), 1};
      const Int8Matrix quantized(w.rows(), 20, 130, compute);
      std::vector<float> y(3 * 20);
      Int8Products(compute).multiply(x.data(), 3, 130, std::vector<Int8Products::Product>{{&quantized, y.data()}});
      for (size_t k = 0; k < y.size(); ++k) ASSERT_EQ(std::isnan(y[k]), k / 20 == 1);
    }
  }
}

// `fast` takes the copy, with the bias; the promise's precisions do not.
TEST(Int8ProductsTest, ProductsTakeTheCopyOnlyInFast) {
  Random random(4);
  const Case c(random, {20, 40, 96}, DType::kBF16);
  const Compute compute = default_compute();
  const Int8Matrix quantized(c.w.rows(), c.n_out, c.n_in, compute);
  const auto bias = random.numbers<float>(c.n_out);
  const Matrix stored{c.w.rows(), c.n_out, c.n_in}, both{c.w.rows(), c.n_out, c.n_in, &quantized};
  const auto run = [&](Precision precision, const Matrix& w, size_t n_rows) {
    std::vector<float> y(n_rows * c.n_out);
    Products(compute, precision).linear<float>(c.x.data(), n_rows, {{w, bias.data(), y.data()}});
    return y;
  };
  auto expected = c.by_definition();
  for (size_t k = 0; k < expected.size(); ++k) expected[k] += bias[k % c.n_out];
  for (const size_t n_rows : {size_t{20}, size_t{1}}) {
    expected.resize(n_rows * c.n_out);
    EXPECT_TRUE(same_bits(run(Precision::kF32, both, n_rows), run(Precision::kF32, stored, n_rows)));
    EXPECT_TRUE(same_bits(run(Precision::kFast, both, n_rows), expected));
  }
}

}  // namespace
}  // namespace proxima
