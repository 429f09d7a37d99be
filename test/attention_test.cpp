// SPDX-License-Identifier: MIT
// Both attentions against a naive one in double, over every way a cache may cut and mask its keys.
#include "core/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>

#include "test/random.h"
#include "test/reference_attention.h"
#include "test/stored_matrix.h"

namespace proxima {
namespace {

using test::Random;
using test::same_bits;
using test::StoredMatrix;

constexpr DType kDTypes[] = {DType::kF32, DType::kBF16, DType::kF16};

// What one KV head shows, and per position what a query at i must find there.
struct Memory {
  View view;
  std::vector<std::unique_ptr<StoredMatrix>> stores;
  std::vector<std::unique_ptr<std::vector<uint32_t>>> positions;

  // Shows rows at positions first, ... as one segment; returns it for the masks to be set.
  Segment& show(const StoredMatrix& keys, const StoredMatrix& values, size_t first, size_t count) {
    view.push_back(
        {.keys = keys.rows().from(first), .values = values.rows().from(first), .first = first, .count = count});
    return view.back();
  }
  const StoredMatrix& store(Random& random, DType dtype, size_t n_rows, size_t head_dim) {
    stores.push_back(std::make_unique<StoredMatrix>(dtype, n_rows, head_dim, random.numbers<double>(n_rows * head_dim),
                                                    random.below(64), random.below(3)));
    return *stores.back();
  }
};

// By position, one row of keys and values each, or two for PoD-like views.
struct Case {
  AttentionShape shape;
  bool blocks;  // rows are stored as Q8_0, else in any other type
  size_t n_tokens;
  std::vector<Memory> heads;  // [n_kv_heads]
  // The rows a query at i uses of a head, independent of Segment's own arithmetic.
  std::function<reference::KeyValueRows(size_t head, size_t i)> used;

  std::vector<View> views() const {
    std::vector<View> all;
    for (const Memory& memory : heads) all.push_back(memory.view);
    return all;
  }
};

DType random_dtype(const Case& c, Random& random) {
  return c.blocks ? DType::kQ8_0 : kDTypes[random.below(3)];
}

template <class T>
std::vector<T> random_queries(const Case& c, uint64_t seed) {
  return Random(seed).numbers<T>(c.n_tokens * c.shape.n_heads * c.shape.head_dim, 3);
}

// Runs the queries from `begin` on in chunks; each chunk sees the whole view, since the mask leaves out what is later.
template <class T, class Attention>
std::vector<T> run_chunks(Attention& attention, const Case& c, const std::vector<T>& q, size_t chunk,
                          size_t begin = 0) {
  const auto views = c.views();
  const size_t width = c.shape.n_heads * c.shape.head_dim;
  std::vector<T> out((c.n_tokens - begin) * width, T{77});
  for (size_t first = begin; first < c.n_tokens; first += chunk) {
    attention.run(q.data() + first * width, std::min(chunk, c.n_tokens - first), first, views,
                  out.data() + (first - begin) * width);
  }
  return out;
}

template <class T>
std::vector<double> naive(const Case& c, const std::vector<T>& q) {
  const size_t d = c.shape.head_dim, n_heads = c.shape.n_heads;
  std::vector<double> out;
  for (size_t row = 0; row < c.n_tokens * n_heads; ++row) {
    const std::vector<double> query(q.data() + row * d, q.data() + (row + 1) * d);
    const auto rows = c.used(row % n_heads / (n_heads / c.shape.n_kv_heads), row / n_heads);
    const auto one = reference::attend(query.data(), rows, d, c.shape.scale, c.shape.softcap).out;
    out.insert(out.end(), one.begin(), one.end());
  }
  return out;
}

// Rounding moves a score by a few units of its terms' magnitude, a weight by that and a little more, and the mix of a
// piece adds one rounding a key.
// Queries rounded to bf16 move a score by bf16's unit times its terms' magnitude, probabilities by the unit once more.
template <class T>
void expect_near(const Case& c, const std::vector<T>& out, const std::vector<double>& expected, bool in_bf16 = false) {
  const double unit = std::numeric_limits<T>::epsilon() / 2;
  const auto d = static_cast<double>(c.shape.head_dim);
  const double score_magnitude = 3 * d * c.shape.scale;
  const double score_error = in_bf16 ? score_magnitude / 256 : 0;
  const double tolerance =
      unit * (256 + 2 * (d + 5) * score_magnitude) + 2 * std::expm1(score_error) + (in_bf16 ? 1.0 / 256 : 0);
  ASSERT_EQ(out.size(), expected.size());
  for (size_t k = 0; k < out.size(); ++k) {
    ASSERT_NEAR(static_cast<double>(out[k]), expected[k], tolerance)
        << "query " << k / (c.shape.n_heads * c.shape.head_dim);
  }
}

AttentionShape random_shape(Random& random, bool blocks) {
  constexpr size_t kHeadSizes[] = {8, 10, 14, 24, 64, 80, 128}, kBlockSizes[] = {32, 64, 96, 128};
  const size_t n_kv_heads = random.between(1, 2),
               head_dim = blocks ? kBlockSizes[random.below(4)] : kHeadSizes[random.below(7)];
  const double softcap = random.below(3) == 0 ? 1.5 : 0;  // well within the scores
  return {n_kv_heads * random.between(1, 3), n_kv_heads, head_dim, 1 / std::sqrt(static_cast<double>(head_dim)),
          softcap};
}

// Everything causal, cut at random.
Case contiguous(Random& random, size_t n_tokens, bool blocks = false) {
  Case c{random_shape(random, blocks), blocks, n_tokens, {}, {}};
  for (size_t head = 0; head < c.shape.n_kv_heads; ++head) {
    Memory& memory = c.heads.emplace_back();
    const auto& keys = memory.store(random, random_dtype(c, random), n_tokens, c.shape.head_dim);
    const auto& values = memory.store(random, random_dtype(c, random), n_tokens, c.shape.head_dim);
    for (size_t first = 0; first < n_tokens;) {
      const size_t count = std::min(n_tokens - first, random.between(1, 300));
      memory.show(keys, values, first, count);
      first += count;
    }
  }
  return c;
}

// A window of `age` positions, as sliding attention has it; the oldest keys are seen by no late query.
Case window(Random& random, size_t n_tokens, size_t age, bool blocks) {
  Case c = contiguous(random, n_tokens, blocks);
  for (Memory& memory : c.heads) {
    for (Segment& segment : memory.view) segment.max_age = age;
  }
  return c;
}

// First tokens, distant ones with other keys, recent ones in two parts.
Case pod_like(Random& random, size_t n_tokens, size_t ns, size_t nr, bool blocks) {
  Case c{random_shape(random, blocks), blocks, n_tokens, {}, {}};
  for (size_t head = 0; head < c.shape.n_kv_heads; ++head) {
    Memory& memory = c.heads.emplace_back();
    const auto& own = memory.store(random, random_dtype(c, random), n_tokens, c.shape.head_dim);
    const auto& shared = memory.store(random, random_dtype(c, random), n_tokens, c.shape.head_dim);
    const auto& values = memory.store(random, random_dtype(c, random), n_tokens, c.shape.head_dim);
    const size_t n_first = std::min(ns, n_tokens), wrap = n_first + random.below(n_tokens - n_first + 1);
    if (n_first > 0) memory.show(own, values, 0, n_first);
    memory.show(shared, values, n_first, n_tokens - n_first).min_age = nr;
    memory.show(own, values, n_first, wrap - n_first).max_age = nr;
    memory.show(own, values, wrap, n_tokens - wrap).max_age = nr;
  }
  return c;
}

// An arbitrary choice of positions, in two lists.
Case selected(Random& random, size_t n_tokens, bool blocks) {
  Case c{random_shape(random, blocks), blocks, n_tokens, {}, {}};
  for (size_t head = 0; head < c.shape.n_kv_heads; ++head) {
    Memory& memory = c.heads.emplace_back();
    for (size_t half = 0; half < 2; ++half) {
      auto& list = *memory.positions.emplace_back(std::make_unique<std::vector<uint32_t>>());
      const size_t begin = half * n_tokens / 2, end = (half + 1) * n_tokens / 2;
      for (size_t position = begin; position < end; ++position) {
        if (random.below(3) == 0) list.push_back(static_cast<uint32_t>(position));
      }
      const auto& keys = memory.store(random, blocks ? DType::kQ8_0 : DType::kF32, list.size(), c.shape.head_dim);
      const auto& values = memory.store(random, blocks ? DType::kQ8_0 : DType::kBF16, list.size(), c.shape.head_dim);
      memory.show(keys, values, 0, list.size()).positions = list.data();
    }
  }
  return c;
}

// The oracle's own reading of the four cases.
void set_oracles(Case& c, size_t ns, size_t nr, size_t age) {
  c.used = [&c, ns, nr, age](size_t head, size_t i) {
    const Memory& memory = c.heads[head];
    reference::KeyValueRows rows;
    if (!memory.positions.empty()) {
      for (size_t half = 0; half < 2; ++half) {
        for (size_t row = 0; row < memory.positions[half]->size(); ++row) {
          if (memory.positions[half]->at(row) <= i) {
            rows.add(memory.stores[2 * half]->row(row), memory.stores[2 * half + 1]->row(row));
          }
        }
      }
      return rows;
    }
    const bool pod = memory.stores.size() == 3;
    for (size_t j = 0; j <= i; ++j) {
      if (i - j >= age) continue;
      const bool distant = pod && j >= ns && j + nr <= i;
      rows.add(memory.stores[distant ? 1 : 0]->row(j), memory.stores.back()->row(j));
    }
    return rows;
  };
}

struct NamedCase {
  std::string name;
  std::unique_ptr<Case> c;  // its oracle points into it
};

std::vector<NamedCase> cases(uint64_t seed, bool blocks = false) {
  Random random(seed);
  std::vector<NamedCase> all;
  const auto add = [&](const std::string& name, Case c, size_t ns, size_t nr, size_t age) {
    all.push_back({name, std::make_unique<Case>(std::move(c))});
    set_oracles(*all.back().c, ns, nr, age);
  };
  for (const size_t n : {1U, 40U, 300U, 600U}) add("contiguous", contiguous(random, n, blocks), 0, 0, SIZE_MAX);
  for (const size_t age : {1U, 12U, 257U}) add("window", window(random, 400, age, blocks), 0, 0, age);
  for (const size_t ns : {0U, 3U, 270U}) {
    for (const size_t nr : {1U, 5U, 300U}) add("pod", pod_like(random, 420, ns, nr, blocks), ns, nr, SIZE_MAX);
  }
  for (const size_t n : {50U, 600U}) add("selected", selected(random, n, blocks), 0, 0, SIZE_MAX);
  return all;
}

template <class T>
class FixedAttentionTest : public ::testing::Test {};
using Types = ::testing::Types<float, double>;
TYPED_TEST_SUITE(FixedAttentionTest, Types);

template <class T>
void expect_naive_and_independent(const std::vector<NamedCase>& named) {
  for (const auto& [name, c] : named) {
    SCOPED_TRACE(name + " of " + std::to_string(c->n_tokens));
    const auto q = random_queries<T>(*c, 2);
    const Compute best{&kernels_for(supported_simd_targets().back()), 1};
    FixedAttention<T> attention(best, c->shape, c->n_tokens);
    const auto expected = run_chunks(attention, *c, q, 64);
    expect_near(*c, expected, naive(*c, q));
    if (testing::Test::HasFatalFailure()) return;
    for (const size_t chunk : {size_t{1}, size_t{7}, c->n_tokens}) {
      EXPECT_TRUE(same_bits(run_chunks(attention, *c, q, chunk), expected)) << "chunk " << chunk;
    }
    const size_t begin = c->n_tokens - std::min<size_t>(c->n_tokens, 30);
    const std::vector<T> last(expected.end() - static_cast<ptrdiff_t>((c->n_tokens - begin) * q.size() / c->n_tokens),
                              expected.end());
    for (const SimdTarget target : supported_simd_targets()) {
      FixedAttention<T> other({&kernels_for(target), 2, 1}, c->shape, c->n_tokens);
      EXPECT_TRUE(same_bits(run_chunks(other, *c, q, 33), expected)) << simd_target_name(target);
      EXPECT_TRUE(same_bits(run_chunks(other, *c, q, 1, begin), last)) << simd_target_name(target) << ", decode";
    }
  }
}

TYPED_TEST(FixedAttentionTest, IsTheNaiveOneAndDoesNotDependOnChunkThreadsOrTarget) {
  expect_naive_and_independent<TypeParam>(cases(1));
}

TEST(FixedAttentionOfBlocksTest, IsTheNaiveOneAndDoesNotDependOnChunkThreadsOrTarget) {
  expect_naive_and_independent<float>(cases(12, true));
}

// One dense store of keys, cut where ages change and at random, must give the bits of the uncut one.
TYPED_TEST(FixedAttentionTest, DoesNotDependOnSegmentation) {
  using T = TypeParam;
  Random random(3);
  for (int round = 0; round < 6; ++round) {
    Case c = contiguous(random, 700);
    const auto q = random_queries<T>(c, 4);
    FixedAttention<T> attention({&kernels_for(supported_simd_targets().back()), 1}, c.shape, c.n_tokens);
    const auto keys_of = [&](size_t head) -> const StoredMatrix& { return *c.heads[head].stores[0]; };
    const auto values_of = [&](size_t head) -> const StoredMatrix& { return *c.heads[head].stores[1]; };
    const auto cut = run_chunks(attention, c, q, 64);
    for (size_t head = 0; head < c.heads.size(); ++head) {
      c.heads[head].view.clear();
      c.heads[head].show(keys_of(head), values_of(head), 0, c.n_tokens);
    }
    EXPECT_TRUE(same_bits(run_chunks(attention, c, q, 64), cut));
    for (size_t head = 0; head < c.heads.size(); ++head) {
      Memory& memory = c.heads[head];
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
  Case c{{2, 1, kHeadDim, 1}, false, kTokens, {}, {}};
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
    FixedAttention<TypeParam> attention({&kernels_for(target), 1}, {2, 1, 64, 1}, 1000);
    for (const size_t chunk : {1U, 64U}) expect_found<TypeParam>(attention, chunk);
  }
}

TYPED_TEST(FixedAttentionTest, AQueryThatSeesNothingGetsZeros) {
  using T = TypeParam;
  Random random(6);
  Case c = contiguous(random, 30);
  for (Memory& memory : c.heads) {
    for (Segment& segment : memory.view) segment.min_age = 10;
  }
  const auto q = random_queries<T>(c, 7);
  FixedAttention<T> attention({&kernels_for(SimdTarget::kScalar), 1}, c.shape, c.n_tokens);
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
  Case c = contiguous(random, 300);
  auto q = random_queries<T>(c, 9);
  const size_t width = c.shape.n_heads * c.shape.head_dim;
  q[280 * width] = std::numeric_limits<T>::quiet_NaN();
  FixedAttention<T> attention({&kernels_for(supported_simd_targets().back()), 1}, c.shape, c.n_tokens);
  for (const size_t chunk : {1U, 64U}) {
    const auto out = run_chunks(attention, c, q, chunk);
    EXPECT_TRUE(std::isnan(out[280 * width])) << "chunk " << chunk;
    EXPECT_TRUE(std::isfinite(out[279 * width]) && std::isfinite(out[281 * width]));
  }
}

void expect_blocked_naive(const std::vector<NamedCase>& named) {
  for (const auto& [name, c] : named) {
    SCOPED_TRACE(name + " of " + std::to_string(c->n_tokens));
    const auto q = random_queries<float>(*c, 11);
    const auto expected = naive(*c, q);
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

TEST(BlockedAttentionTest, IsTheNaiveOne) {
  expect_blocked_naive(cases(10));
}

TEST(BlockedAttentionTest, IsTheNaiveOneOverBlocks) {
  expect_blocked_naive(cases(13, true));
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
