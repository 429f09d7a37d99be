// SPDX-License-Identifier: MIT
// Both attentions against a naive one in double, over every way a cache may cut and mask its keys.
#include "core/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "test/attention_cases.h"

namespace proxima {
namespace {

using test::attention_cases;
using test::AttentionCase;
using test::AttentionMemory;
using test::contiguous_case;
using test::expect_near;
using test::naive_attention;
using test::NamedAttentionCase;
using test::Random;
using test::random_queries;
using test::run_chunks;
using test::same_bits;
using test::StoredMatrix;

template <class T>
class FixedAttentionTest : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(FixedAttentionTest, Types);

template <class T>
void expect_naive_and_independent(const std::vector<NamedAttentionCase>& named) {
  for (const auto& [name, c] : named) {
    SCOPED_TRACE(name + " of " + std::to_string(c->n_tokens));
    const auto q = random_queries<T>(*c, 2);
    const Compute best{&kernels_for(supported_simd_targets().back()), 1};
    FixedAttention<T> attention(best, kFixedOrder<T>, c->shape, c->n_tokens);
    const auto expected = run_chunks(attention, *c, q, 64);
    expect_near(*c, expected, naive_attention(*c, q));
    if (testing::Test::HasFatalFailure()) return;
    for (const size_t chunk : {size_t{1}, size_t{7}, c->n_tokens}) {
      EXPECT_TRUE(same_bits(run_chunks(attention, *c, q, chunk), expected)) << "chunk " << chunk;
    }
    const size_t begin = c->n_tokens - std::min<size_t>(c->n_tokens, 30);
    const std::vector<T> last(expected.end() - static_cast<ptrdiff_t>((c->n_tokens - begin) * q.size() / c->n_tokens),
                              expected.end());
    for (const SimdTarget target : supported_simd_targets()) {
      FixedAttention<T> other({&kernels_for(target), 2, 1}, kFixedOrder<T>, c->shape, c->n_tokens);
      EXPECT_TRUE(same_bits(run_chunks(other, *c, q, 33), expected)) << simd_target_name(target);
      EXPECT_TRUE(same_bits(run_chunks(other, *c, q, 1, begin), last)) << simd_target_name(target) << ", decode";
    }
  }
}

TYPED_TEST(FixedAttentionTest, IsTheNaiveOneAndDoesNotDependOnChunkThreadsOrTarget) {
  expect_naive_and_independent<TypeParam>(attention_cases(1));
}

TEST(FixedAttentionOfBlocksTest, IsTheNaiveOneAndDoesNotDependOnChunkThreadsOrTarget) {
  expect_naive_and_independent<float>(attention_cases(12, true));
}

// One dense store of keys, cut where ages change and at random, must give the bits of the uncut one.
TYPED_TEST(FixedAttentionTest, DoesNotDependOnSegmentation) {
  using T = TypeParam;
  Random random(3);
  for (int round = 0; round < 6; ++round) {
    AttentionCase c = contiguous_case(random, 700);
    const auto q = random_queries<T>(c, 4);
    FixedAttention<T> attention({&kernels_for(supported_simd_targets().back()), 1}, kFixedOrder<T>, c.shape,
                                c.n_tokens);
    const auto keys_of = [&](size_t head) -> const StoredMatrix& { return *c.heads[head].stores[0]; };
    const auto values_of = [&](size_t head) -> const StoredMatrix& { return *c.heads[head].stores[1]; };
    const auto cut = run_chunks(attention, c, q, 64);
    for (size_t head = 0; head < c.heads.size(); ++head) {
      c.heads[head].view.clear();
      c.heads[head].show(keys_of(head), values_of(head), 0, c.n_tokens);
    }
    EXPECT_TRUE(same_bits(run_chunks(attention, c, q, 64), cut));
    for (size_t head = 0; head < c.heads.size(); ++head) {
      AttentionMemory& memory = c.heads[head];
      const size_t ns = random.below(20), nr = random.between(1, 400);
      memory.view.clear();
      memory.show(keys_of(head), values_of(head), 0, ns);
      memory.show(keys_of(head), values_of(head), ns, c.n_tokens - ns).min_age = nr;
      memory.show(keys_of(head), values_of(head), ns, c.n_tokens - ns).max_age = nr;
    }
    for (const size_t chunk : {1U, 7U, 64U, 700U}) {
      EXPECT_TRUE(same_bits(run_chunks(attention, c, q, chunk), cut)) << "bands, chunk " << chunk;
    }
  }
}

// Keys with two ones, at position / 32 and 32 + position % 32: the query for a position finds its value and nothing of
// the others, exactly.
template <class T, class Attention>
void expect_found(Attention& attention, size_t chunk) {
  constexpr size_t kTokens = 1000, kHeadDim = 64;
  Random random(5);
  std::vector<double> ones(kTokens * kHeadDim);
  for (size_t j = 0; j < kTokens; ++j) ones[j * kHeadDim + j / 32] = ones[j * kHeadDim + 32 + j % 32] = 1;
  const StoredMatrix keys(DType::kBF16, kTokens, kHeadDim, ones, 1);
  const StoredMatrix values(DType::kBF16, kTokens, kHeadDim, random.numbers<double>(kTokens * kHeadDim), 3);
  AttentionCase c{{2, 1, kHeadDim, 1}, false, kTokens, {}, {}};
  c.heads.emplace_back().show(keys, values, 0, kTokens);
  std::vector<T> q(kTokens * 2 * kHeadDim);
  std::vector<size_t> wanted;
  for (size_t row = 0; row < 2 * kTokens; ++row) {
    wanted.push_back(random.below(row / 2 + 1));  // no later than the query
    for (size_t k = 0; k < kHeadDim; ++k) q[row * kHeadDim + k] = static_cast<T>(1000 * keys.at(wanted[row], k));
  }
  const auto out = run_chunks(attention, c, q, chunk);
  for (size_t row = 0; row < 2 * kTokens; ++row) {
    for (size_t k = 0; k < kHeadDim; ++k) {
      ASSERT_EQ(static_cast<double>(out[row * kHeadDim + k]), values.at(wanted[row], k)) << "query " << row / 2;
    }
  }
}

TYPED_TEST(FixedAttentionTest, FindsTheOneKey) {
  for (const SimdTarget target : supported_simd_targets()) {
    FixedAttention<TypeParam> attention({&kernels_for(target), 1}, kFixedOrder<TypeParam>, {2, 1, 64, 1}, 1000);
    for (const size_t chunk : {1U, 64U}) expect_found<TypeParam>(attention, chunk);
  }
}

TYPED_TEST(FixedAttentionTest, AQueryThatSeesNothingGetsZeros) {
  using T = TypeParam;
  Random random(6);
  AttentionCase c = contiguous_case(random, 30);
  for (AttentionMemory& memory : c.heads) {
    for (Segment& segment : memory.view) segment.min_age = 10;
  }
  const auto q = random_queries<T>(c, 7);
  FixedAttention<T> attention({&kernels_for(SimdTarget::kScalar), 1}, kFixedOrder<T>, c.shape, c.n_tokens);
  const size_t width = c.shape.n_heads * c.shape.head_dim;
  for (const size_t chunk : {1U, 4U, 30U}) {
    const auto out = run_chunks(attention, c, q, chunk);
    std::vector<T> probabilities(c.shape.n_heads * 10, T{77});
    attention.probabilities(q.data() + 9 * width, 9, c.views(), probabilities.data());
    for (const T p : probabilities) ASSERT_EQ(p, T{0});
    for (size_t k = 0; k < 10 * width; ++k) ASSERT_EQ(out[k], T{0});
    for (size_t k = 10 * width; k < out.size(); ++k) ASSERT_TRUE(std::isfinite(out[k]) && out[k] != T{0});
  }
}

// NaN must reach the output, whatever else is masked.
TYPED_TEST(FixedAttentionTest, KeepsNaN) {
  using T = TypeParam;
  Random random(8);
  AttentionCase c = contiguous_case(random, 300);
  auto q = random_queries<T>(c, 9);
  const size_t width = c.shape.n_heads * c.shape.head_dim;
  q[280 * width] = std::numeric_limits<T>::quiet_NaN();
  FixedAttention<T> attention({&kernels_for(supported_simd_targets().back()), 1}, kFixedOrder<T>, c.shape, c.n_tokens);
  for (const size_t chunk : {1U, 64U}) {
    const auto out = run_chunks(attention, c, q, chunk);
    EXPECT_TRUE(std::isnan(out[280 * width])) << "chunk " << chunk;
    EXPECT_TRUE(std::isfinite(out[279 * width]) && std::isfinite(out[281 * width]));
  }
}

void expect_blocked_naive(const std::vector<NamedAttentionCase>& named) {
  for (const auto& [name, c] : named) {
    SCOPED_TRACE(name + " of " + std::to_string(c->n_tokens));
    const auto q = random_queries<float>(*c, 11);
    const auto expected = naive_attention(*c, q);
    for (const SimdTarget target : supported_simd_targets()) {
      BlockedAttention attention({&kernels_for(target), 2, 1}, c->shape);
      for (const size_t chunk : {size_t{16}, size_t{100}, c->n_tokens}) {
        const bool in_bf16 = bf16_block_kernels(kernels_for(target), c->shape.head_dim) != nullptr;
        expect_near(*c, run_chunks(attention, *c, q, chunk), expected, in_bf16);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

// Of `fast`: a single query, and a few.
void expect_rounded_naive(const std::vector<NamedAttentionCase>& named) {
  for (const auto& [name, c] : named) {
    SCOPED_TRACE(name + " of " + std::to_string(c->n_tokens));
    const auto q = random_queries<float>(*c, 14);
    const auto expected = naive_attention(*c, q);
    for (const SimdTarget target : supported_simd_targets()) {
      FixedAttention<float> attention({&kernels_for(target), 2, 1}, Precision::kFast, c->shape, c->n_tokens);
      for (const size_t chunk : {1U, 7U}) {
        expect_near(*c, run_chunks(attention, *c, q, chunk), expected, target == SimdTarget::kAvx512);
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

TEST(RoundingAttentionTest, IsTheNaiveOne) {
  expect_rounded_naive(attention_cases(15));
}

TEST(RoundingAttentionTest, IsTheNaiveOneOverBlocks) {
  expect_rounded_naive(attention_cases(16, true));
}

TEST(RoundingAttentionTest, FindsTheOneKey) {
  FixedAttention<float> attention({&kernels_for(supported_simd_targets().back()), 1}, Precision::kFast, {2, 1, 64, 1},
                                  1000);
  for (const size_t chunk : {1U, 64U}) expect_found<float>(attention, chunk);
}

TEST(BlockedAttentionTest, IsTheNaiveOne) {
  expect_blocked_naive(attention_cases(10));
}

TEST(BlockedAttentionTest, IsTheNaiveOneOverBlocks) {
  expect_blocked_naive(attention_cases(13, true));
}

TEST(BlockedAttentionTest, FindsTheOneKey) {
  for (const SimdTarget target : supported_simd_targets()) {
    BlockedAttention attention({&kernels_for(target), 1}, {2, 1, 64, 1});
    expect_found<float>(attention, 100);
  }
}

TEST(VisibleRowsTest, AreThoseTheMaskAllows) {
  Random random(12);
  for (int round = 0; round < 2000; ++round) {
    std::vector<uint32_t> list;
    Segment segment;
    segment.first = random.below(20), segment.count = random.below(30);
    const bool listed = random.below(2) == 0;
    for (uint32_t position = 0; listed && position < 40; ++position) {
      if (random.below(2) == 0) list.push_back(position);
    }
    if (listed) segment.positions = list.data(), segment.count = list.size();
    segment.min_age = random.below(12);
    segment.max_age = random.below(3) == 0 ? SIZE_MAX : segment.min_age + random.between(1, 12);
    const size_t query = random.below(50);
    const RowRange seen = visible_rows(segment, query);
    for (size_t row = 0; row < segment.count; ++row) {
      const size_t j = segment.position(row);
      const bool allowed = j <= query && query - j >= segment.min_age && query - j < segment.max_age;
      ASSERT_EQ(row >= seen.begin && row < seen.end, allowed) << "row " << row << " query " << query;
    }
  }
}

}  // namespace
}  // namespace proxima
