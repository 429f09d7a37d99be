// SPDX-License-Identifier: MIT
// Every way a cache may cut and mask its keys, with an oracle that reads the rows itself.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "core/attention.h"
#include "test/random.h"
#include "test/reference_attention.h"
#include "test/stored_matrix.h"

namespace proxima::test {

// What one KV head shows, and per position what a query at i must find there.
struct AttentionMemory {
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
struct AttentionCase {
  AttentionShape shape;
  bool blocks;  // rows are stored as Q8_0, else in any other type
  size_t n_tokens;
  std::vector<AttentionMemory> heads;  // [n_kv_heads]
  // The rows a query at i uses of a head, independent of Segment's own arithmetic.
  std::function<reference::KeyValueRows(size_t head, size_t i)> used;

  std::vector<View> views() const {
    std::vector<View> all;
    for (const AttentionMemory& memory : heads) all.push_back(memory.view);
    return all;
  }
};

// Everything causal, cut at random; without an oracle.
AttentionCase contiguous_case(Random& random, size_t n_tokens, bool blocks = false);

struct NamedAttentionCase {
  std::string name;
  std::unique_ptr<AttentionCase> c;  // its oracle points into it
};

// Contiguous rows, windows, PoD's three parts and arbitrary choices.
std::vector<NamedAttentionCase> attention_cases(uint64_t seed, bool blocks = false);

template <class T>
std::vector<T> random_queries(const AttentionCase& c, uint64_t seed) {
  return Random(seed).numbers<T>(c.n_tokens * c.shape.n_heads * c.shape.head_dim, 3);
}

// Runs the queries from `begin` on in chunks; each chunk sees the whole view, since the mask leaves out what is later.
template <class T, class Attention>
std::vector<T> run_chunks(Attention& attention, const AttentionCase& c, const std::vector<T>& q, size_t chunk,
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
std::vector<double> naive_attention(const AttentionCase& c, const std::vector<T>& q) {
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
void expect_near(const AttentionCase& c, const std::vector<T>& out, const std::vector<double>& expected,
                 bool in_bf16 = false) {
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

}  // namespace proxima::test
