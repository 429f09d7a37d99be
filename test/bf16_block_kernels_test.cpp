// SPDX-License-Identifier: MIT
// The bf16 products of blocked attention against plain loops in double over the same bf16 numbers.
#include "core/bf16_block_kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "test/random.h"
#include "test/stored_matrix.h"

namespace proxima {
namespace {

using test::Random;
using test::StoredMatrix;

constexpr size_t kHeadSizes[] = {32, 64, 96, 128, 256};
constexpr size_t kRows[] = {16, 32, 48, 96};
constexpr size_t kKeys[] = {1, 2, 3, 7, 8, 31, 128};
constexpr double kUnit = std::numeric_limits<float>::epsilon() / 2;

class Bf16BlockKernelsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (best() == nullptr) GTEST_SKIP() << "this processor has no AVX512_BF16";
  }
  static const Bf16BlockKernels* best() { return bf16_block_kernels(kernels_for(supported_simd_targets().back()), 64); }
};

double low(uint32_t pair) {
  return static_cast<double>(widen(BF16{static_cast<uint16_t>(pair & 0xFFFFU)}));
}
double high(uint32_t pair) {
  return static_cast<double>(widen(BF16{static_cast<uint16_t>(pair >> 16U)}));
}

// Element [i, row] of rows in pairs.
double element(const std::vector<uint32_t>& pairs, size_t n_rows, size_t i, size_t row) {
  const uint32_t pair = pairs[i / 2 * n_rows + row];
  return i % 2 == 0 ? low(pair) : high(pair);
}

std::vector<uint32_t> paired_rows(const Bf16BlockKernels& kernels, const std::vector<float>& x, size_t n,
                                  size_t n_rows) {
  std::vector<uint32_t> pairs((n + 1) / 2 * n_rows + 1, 0x12345678U);
  kernels.pair_rows(x.data(), n, n_rows, pairs.data());
  EXPECT_EQ(pairs.back(), 0x12345678U);
  return pairs;
}

TEST_F(Bf16BlockKernelsTest, RowsArePairedAndRounded) {
  Random random(1);
  for (const size_t n_rows : kRows) {
    for (const size_t n : kKeys) {
      const auto x = random.numbers<float>(n * n_rows, 5);
      const auto pairs = paired_rows(*best(), x, n, n_rows);
      for (size_t i = 0; i < n + n % 2; ++i) {
        for (size_t row = 0; row < n_rows; ++row) {
          const double expected = i < n ? static_cast<double>(widen(round_to_bf16(x[i * n_rows + row]))) : 0;
          ASSERT_EQ(element(pairs, n_rows, i, row), expected);
        }
      }
    }
  }
}

TEST_F(Bf16BlockKernelsTest, KeysArePaired) {
  Random random(2);
  for (const size_t head_dim : kHeadSizes) {
    for (const size_t n_keys : kKeys) {
      const auto rows = random_bf16_rows(random, n_keys, head_dim);
      std::vector<uint32_t> pairs((n_keys + 1) / 2 * head_dim + 1, 0x12345678U);
      best()->pair_keys(rows.rows(), n_keys, head_dim, pairs.data());
      for (size_t key = 0; key < n_keys + n_keys % 2; ++key) {
        for (size_t c = 0; c < head_dim; ++c) {
          ASSERT_EQ(element(pairs, head_dim, key, c), key < n_keys ? rows.at(key, c) : 0);
        }
      }
      ASSERT_EQ(pairs.back(), 0x12345678U);
    }
  }
}

TEST_F(Bf16BlockKernelsTest, Scores) {
  Random random(3);
  for (const size_t head_dim : kHeadSizes) {
    for (const size_t n_rows : kRows) {
      for (const size_t n_keys : kKeys) {
        const auto q = paired_rows(*best(), random.numbers<float>(head_dim * n_rows), head_dim, n_rows);
        const auto keys = random_bf16_rows(random, n_keys, head_dim);
        std::vector<float> scores(n_keys * n_rows + 1, 77);
        best()->scores(q.data(), n_rows, keys.rows(), n_keys, head_dim, scores.data());
        for (size_t k = 0; k < n_keys * n_rows; ++k) {
          double sum = 0, magnitude = 0;
          for (size_t c = 0; c < head_dim; ++c) {
            const double term = keys.at(k / n_rows, c) * element(q, n_rows, c, k % n_rows);
            sum += term;
            magnitude += std::abs(term);
          }
          ASSERT_NEAR(static_cast<double>(scores[k]), sum, static_cast<double>(head_dim) * kUnit * magnitude);
        }
        ASSERT_EQ(scores.back(), 77);
      }
    }
  }
}

TEST_F(Bf16BlockKernelsTest, Mix) {
  Random random(4);
  for (const size_t head_dim : kHeadSizes) {
    for (const size_t n_rows : kRows) {
      for (const size_t n_keys : kKeys) {
        const auto p = paired_rows(*best(), random.numbers<float>(n_keys * n_rows), n_keys, n_rows);
        const auto stored_values = random_bf16_rows(random, n_keys, head_dim);
        std::vector<uint32_t> values((n_keys + 1) / 2 * head_dim);
        best()->pair_keys(stored_values.rows(), n_keys, head_dim, values.data());
        const auto rescale = random.numbers<float>(n_rows), before = random.numbers<float>(head_dim * n_rows + 1);
        auto out = before;
        best()->mix(p.data(), n_rows, values.data(), (n_keys + 1) / 2, head_dim, rescale.data(), out.data());
        for (size_t k = 0; k < head_dim * n_rows; ++k) {
          const size_t c = k / n_rows, row = k % n_rows;
          double sum = static_cast<double>(before[k]) * static_cast<double>(rescale[row]), magnitude = std::abs(sum);
          for (size_t key = 0; key < n_keys; ++key) {
            const double term = element(p, n_rows, key, row) * stored_values.at(key, c);
            sum += term;
            magnitude += std::abs(term);
          }
          ASSERT_NEAR(static_cast<double>(out[k]), sum, static_cast<double>(n_keys + 2) * kUnit * magnitude);
        }
        ASSERT_EQ(out.back(), before.back());
      }
    }
  }
}

TEST(Bf16BlockKernels, AreOfAvx512AloneAndWholeRegisters) {
  for (const SimdTarget target : supported_simd_targets()) {
    EXPECT_EQ(bf16_block_kernels(kernels_for(target), 64) != nullptr,
              target == SimdTarget::kAvx512 && has_bf16_products());
    EXPECT_EQ(bf16_block_kernels(kernels_for(target), 80), nullptr);
  }
}

}  // namespace
}  // namespace proxima
