// SPDX-License-Identifier: MIT
#include "test/attention_cases.h"

namespace proxima::test {
namespace {

constexpr DType kDTypes[] = {DType::kF32, DType::kBF16, DType::kF16};

DType random_dtype(const AttentionCase& c, Random& random) {
  return c.blocks ? DType::kQ8_0 : kDTypes[random.below(3)];
}

AttentionShape random_shape(Random& random, bool blocks) {
  constexpr size_t kHeadSizes[] = {8, 10, 14, 24, 64, 80, 128}, kBlockSizes[] = {32, 64, 96, 128};
  const size_t n_kv_heads = random.between(1, 2),
               head_dim = blocks ? kBlockSizes[random.below(4)] : kHeadSizes[random.below(7)];
  const double softcap = random.below(3) == 0 ? 1.5 : 0;  // well within the scores
  return {n_kv_heads * random.between(1, 3), n_kv_heads, head_dim, 1 / std::sqrt(static_cast<double>(head_dim)),
          softcap};
}

// A window of `age` positions, as sliding attention has it; the oldest keys are seen by no late query.
AttentionCase window(Random& random, size_t n_tokens, size_t age, bool blocks) {
  AttentionCase c = contiguous_case(random, n_tokens, blocks);
  for (AttentionMemory& memory : c.heads) {
    for (Segment& segment : memory.view) segment.max_age = age;
  }
  return c;
}

// First tokens, distant ones with other keys, recent ones in two parts.
AttentionCase pod_like(Random& random, size_t n_tokens, size_t ns, size_t nr, bool blocks) {
  AttentionCase c{random_shape(random, blocks), blocks, n_tokens, {}, {}};
  for (size_t head = 0; head < c.shape.n_kv_heads; ++head) {
    AttentionMemory& memory = c.heads.emplace_back();
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
AttentionCase selected(Random& random, size_t n_tokens, bool blocks) {
  AttentionCase c{random_shape(random, blocks), blocks, n_tokens, {}, {}};
  for (size_t head = 0; head < c.shape.n_kv_heads; ++head) {
    AttentionMemory& memory = c.heads.emplace_back();
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
void set_oracles(AttentionCase& c, size_t ns, size_t nr, size_t age) {
  c.used = [&c, ns, nr, age](size_t head, size_t i) {
    const AttentionMemory& memory = c.heads[head];
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

}  // namespace

AttentionCase contiguous_case(Random& random, size_t n_tokens, bool blocks) {
  AttentionCase c{random_shape(random, blocks), blocks, n_tokens, {}, {}};
  for (size_t head = 0; head < c.shape.n_kv_heads; ++head) {
    AttentionMemory& memory = c.heads.emplace_back();
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

std::vector<NamedAttentionCase> attention_cases(uint64_t seed, bool blocks) {
  Random random(seed);
  std::vector<NamedAttentionCase> all;
  const auto add = [&](const std::string& name, AttentionCase c, size_t ns, size_t nr, size_t age) {
    all.push_back({name, std::make_unique<AttentionCase>(std::move(c))});
    set_oracles(*all.back().c, ns, nr, age);
  };
  for (const size_t n : {1U, 40U, 300U, 600U}) add("contiguous", contiguous_case(random, n, blocks), 0, 0, SIZE_MAX);
  for (const size_t age : {1U, 12U, 257U}) add("window", window(random, 400, age, blocks), 0, 0, age);
  for (const size_t ns : {0U, 3U, 270U}) {
    for (const size_t nr : {1U, 5U, 300U}) add("pod", pod_like(random, 420, ns, nr, blocks), ns, nr, SIZE_MAX);
  }
  for (const size_t n : {50U, 600U}) add("selected", selected(random, n, blocks), 0, 0, SIZE_MAX);
  return all;
}

}  // namespace proxima::test
