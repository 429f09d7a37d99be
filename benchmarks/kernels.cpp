// SPDX-License-Identifier: MIT
// Kernels beside this machine's limits (Google Benchmark). `of_peak` and `of_bandwidth` are shares of what limits.h
// measures at start; on a shared machine run it several times and quote medians (--benchmark_repetitions).
#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "core/attention.h"
#include "core/machine_limits.h"
#include "core/products.h"

namespace proxima {
namespace {

struct Limits {
  double bandwidth, f32, bf16;
};

const Limits& limits() {
  static const Limits measured = [] {
    const int n_threads = default_threads().n_threads;
    const double f32 = f32_peak(n_threads).value_or(0);
    return Limits{fresh_memory_bandwidth(n_threads), f32, bf16_peak(n_threads).value_or(f32)};
  }();
  return measured;
}

std::vector<BF16> random_bf16(size_t n) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0, 0.02F);
  std::vector<BF16> values(n);
  for (BF16& x : values) x = round_to_bf16(normal(random));
  return values;
}

// rows x [n_in] times a bf16 weight [n_out, n_in].
void linear(benchmark::State& state, Precision precision, DType dtype) {
  const auto n_rows = static_cast<size_t>(state.range(0));
  const auto n_out = static_cast<size_t>(state.range(1));
  const auto n_in = static_cast<size_t>(state.range(2));
  const auto stored = random_bf16(n_out * n_in * dtype_bytes(dtype) / sizeof(BF16));
  const Matrix w{{reinterpret_cast<const std::byte*>(stored.data()), dtype, n_in * dtype_bytes(dtype)}, n_out, n_in};
  const std::vector<float> x(n_rows * n_in, 0.5F);
  std::vector<float> y(n_rows * n_out);
  Products products(default_compute(), precision);
  for (auto _ : state) {
    products.linear<float>(x.data(), n_rows, {{w, nullptr, y.data()}});
    benchmark::ClobberMemory();
  }
  using benchmark::Counter;
  const double operations = 2.0 * static_cast<double>(n_rows * n_out * n_in);
  const double peak = precision == Precision::kFast && dtype == DType::kBF16 ? limits().bf16 : limits().f32;
  state.counters["GFLOP/s"] = Counter(operations / 1e9, Counter::kIsIterationInvariantRate);
  state.counters["of_peak"] = Counter(operations / peak, Counter::kIsIterationInvariantRate);
  state.counters["of_bandwidth"] = Counter(static_cast<double>(n_out * n_in * dtype_bytes(dtype)) / limits().bandwidth,
                                           Counter::kIsIterationInvariantRate);
}

std::vector<std::byte> random_rows(size_t n, DType dtype) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> values(n);
  for (float& x : values) x = normal(random);
  std::vector<std::byte> stored(row_bytes(dtype, n));
  default_compute().kernels->f32.narrow(values.data(), n, dtype, stored.data());
  return stored;
}

const AttentionShape kWide{32, 8, 128, 0.09};   // Llama-3-8B
const AttentionShape kNarrow{9, 3, 64, 0.125};  // SmolLM2-135M

// n_queries over a cache of n_keys.
void attention(benchmark::State& state, const AttentionShape& shape, DType dtype) {
  const auto n_queries = static_cast<size_t>(state.range(0));
  const auto n_keys = static_cast<size_t>(state.range(1));
  const auto keys = random_rows(shape.n_kv_heads * n_keys * shape.head_dim, dtype);
  const auto values = keys;
  const size_t stride = row_bytes(dtype, shape.head_dim);
  std::vector<View> views(shape.n_kv_heads);
  for (size_t head = 0; head < shape.n_kv_heads; ++head) {
    const size_t offset = head * n_keys * stride;
    views[head] = {{.keys = {keys.data() + offset, dtype, stride},
                    .values = {values.data() + offset, dtype, stride},
                    .count = n_keys}};
  }
  const std::vector<float> q(n_queries * shape.n_heads * shape.head_dim, 0.1F);
  std::vector<float> out(q.size());
  FixedAttention<float> fixed(default_compute(), Precision::kFast, shape, n_keys);
  BlockedAttention blocked(default_compute(), shape);
  for (auto _ : state) {
    if (n_queries == 1) {
      fixed.run(q.data(), n_queries, n_keys - n_queries, views, out.data());
    } else {
      blocked.run(q.data(), n_queries, n_keys - n_queries, views, out.data());
    }
    benchmark::ClobberMemory();
  }
  using benchmark::Counter;
  const auto seen = static_cast<double>(n_queries) * static_cast<double>(2 * n_keys - n_queries + 1) / 2;
  const double operations = 4 * seen * static_cast<double>(shape.n_heads * shape.head_dim);
  const double bytes = 2.0 * static_cast<double>(keys.size());
  state.counters["of_peak_f32"] = Counter(operations / limits().f32, Counter::kIsIterationInvariantRate);
  state.counters["of_bandwidth"] = Counter(bytes / limits().bandwidth, Counter::kIsIterationInvariantRate);
}

constexpr int64_t kChunk = 512;
BENCHMARK_CAPTURE(linear, gemm_bf16, Precision::kFast, DType::kBF16)
    ->Args({kChunk, 1536, 576})
    ->Args({kChunk, 576, 1536})
    ->Args({kChunk, 14336, 4096})
    ->Args({kChunk, 4096, 14336})
    ->UseRealTime();
BENCHMARK_CAPTURE(linear, gemm_f32, Precision::kFast, DType::kF32)->Args({kChunk, 14336, 4096})->UseRealTime();
BENCHMARK_CAPTURE(linear, fixed_order_f32, Precision::kF32, DType::kBF16)->Args({kChunk, 1536, 576})->UseRealTime();
BENCHMARK_CAPTURE(linear, matrix_vector, Precision::kFast, DType::kBF16)
    ->Args({1, 49152, 576})
    ->Args({1, 14336, 4096})
    ->UseRealTime();
BENCHMARK_CAPTURE(attention, bf16, kWide, DType::kBF16)
    ->Args({1, 16384})
    ->Args({kChunk, 4096})
    ->Args({kChunk, 16384})
    ->UseRealTime();
BENCHMARK_CAPTURE(attention, q8_0, kWide, DType::kQ8_0)->Args({1, 16384})->Args({kChunk, 4096})->UseRealTime();
BENCHMARK_CAPTURE(attention, small_bf16, kNarrow, DType::kBF16)->Args({1, 4096})->Args({1, 65536})->Args({kChunk, 4096})->UseRealTime();
BENCHMARK_CAPTURE(attention, small_q8_0, kNarrow, DType::kQ8_0)->Args({1, 65536})->Args({kChunk, 4096})->UseRealTime();

}  // namespace
}  // namespace proxima

BENCHMARK_MAIN();
