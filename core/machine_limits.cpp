// SPDX-License-Identifier: MIT
#include "core/machine_limits.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace proxima {
namespace {

template <class F>
double seconds(F f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Keeps a result alive that nothing else uses.
void keep(uint64_t value) {
  asm volatile("" : : "r"(value) : "memory");
}

constexpr size_t kLine = 64, kBlock = 4 * kLine;
constexpr size_t kAhead = 4096;  // asked for in advance, which is worth a tenth; past the end it is ignored

// The words of one line, in as many registers as it takes.
using Line [[gnu::vector_size(kLine), gnu::aligned(1), gnu::may_alias]] = uint64_t;

__attribute__((always_inline)) inline uint64_t sum_of_blocks(std::span<const std::byte> memory) {
  Line sums[kBlock / kLine] = {};
  for (const std::byte *p = memory.data(), *end = p + memory.size(); p != end; p += kBlock) {
    for (size_t line = 0; line < kBlock / kLine; ++line) {
      __builtin_prefetch(p + kAhead + line * kLine);
      sums[line] += *reinterpret_cast<const Line*>(p + line * kLine);
    }
  }
  uint64_t total = 0;
  for (const Line& sum : sums) {
    for (size_t word = 0; word < kLine / sizeof(uint64_t); ++word) total += sum[word];
  }
  return total;
}

uint64_t sum_generic(std::span<const std::byte> memory) {
  return sum_of_blocks(memory);
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) uint64_t sum_avx512(std::span<const std::byte> memory) {
  return sum_of_blocks(memory);
}

__attribute__((target("avx2"))) uint64_t sum_avx2(std::span<const std::byte> memory) {
  return sum_of_blocks(memory);
}

constexpr size_t kChains = 16;         // independent accumulators: more than latency times ports
constexpr size_t kSteps = 10'000'000;  // some tens of milliseconds

__attribute__((target("avx512f"))) uint64_t f32_chains_avx512() {
  __m512 sums[kChains];
  for (auto& sum : sums) sum = _mm512_set1_ps(1.0F);
  const __m512 factor = _mm512_set1_ps(0.5F);
  for (size_t step = 0; step < kSteps; ++step) {
#pragma GCC unroll 16
    for (size_t chain = 0; chain < kChains; ++chain) sums[chain] = _mm512_fmadd_ps(sums[chain], factor, factor);
  }
  for (size_t chain = 1; chain < kChains; ++chain) sums[0] = _mm512_add_ps(sums[0], sums[chain]);
  return static_cast<uint64_t>(_mm512_cvtss_f32(sums[0]));
}

__attribute__((target("avx2,fma"))) uint64_t f32_chains_avx2() {
  constexpr size_t kAvx2Chains = 12;
  __m256 sums[kAvx2Chains];
  for (auto& sum : sums) sum = _mm256_set1_ps(1.0F);
  const __m256 factor = _mm256_set1_ps(0.5F);
  for (size_t step = 0; step < kSteps; ++step) {
#pragma GCC unroll 12
    for (size_t chain = 0; chain < kAvx2Chains; ++chain) sums[chain] = _mm256_fmadd_ps(sums[chain], factor, factor);
  }
  for (size_t chain = 1; chain < kAvx2Chains; ++chain) sums[0] = _mm256_add_ps(sums[0], sums[chain]);
  return static_cast<uint64_t>(_mm256_cvtss_f32(sums[0]));
}

__attribute__((target("avx512f,avx512bf16"))) uint64_t bf16_chains() {
  __m512 sums[kChains];
  for (auto& sum : sums) sum = _mm512_setzero_ps();
  const __m512bh ones = _mm512_cvtne2ps_pbh(_mm512_set1_ps(1.0F), _mm512_set1_ps(1.0F));
  for (size_t step = 0; step < kSteps; ++step) {
#pragma GCC unroll 16
    for (size_t chain = 0; chain < kChains; ++chain) sums[chain] = _mm512_dpbf16_ps(sums[chain], ones, ones);
  }
  for (size_t chain = 1; chain < kChains; ++chain) sums[0] = _mm512_add_ps(sums[0], sums[chain]);
  return static_cast<uint64_t>(_mm512_cvtss_f32(sums[0]));
}
#endif

auto fastest_sum() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return sum_avx512;
  if (__builtin_cpu_supports("avx2")) return sum_avx2;
#endif
  return sum_generic;
}

template <class F>
double flops(F chains, double operations, int n_threads) {
  double best = 0;
  for (int run = 0; run < 3; ++run) {
    const double time = seconds([&] {
#pragma omp parallel num_threads(n_threads)
      keep(chains());
    });
    best = std::max(best, operations * n_threads / time);
  }
  return best;
}

}  // namespace

double read_bandwidth(std::span<const std::byte> memory, int n_threads) {
  const auto sum = fastest_sum();
  const size_t part = memory.size() / static_cast<size_t>(n_threads) / kBlock * kBlock;
  const double time = seconds([&] {
#pragma omp parallel for schedule(static) num_threads(n_threads)
    for (int i = 0; i < n_threads; ++i) keep(sum(memory.subspan(static_cast<size_t>(i) * part, part)));
  });
  return static_cast<double>(part) * n_threads / time;
}

double fresh_memory_bandwidth(int n_threads) {
  const std::vector<std::byte> memory(size_t{512} << 20, std::byte{1});
  double best = 0;
  for (int run = 0; run < 3; ++run) best = std::max(best, read_bandwidth(memory, n_threads));
  return best;
}

std::optional<double> f32_peak(int n_threads) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return flops(f32_chains_avx512, 2.0 * 16 * kChains * kSteps, n_threads);
  if (__builtin_cpu_supports("avx2")) return flops(f32_chains_avx2, 2.0 * 8 * 12 * kSteps, n_threads);
#endif
  return std::nullopt;
}

std::optional<double> f64_peak(int n_threads) {
  const auto f32 = f32_peak(n_threads);
  if (!f32) return std::nullopt;
  return *f32 / 2;  // the same instructions on half as many lanes
}

std::optional<double> bf16_peak(int n_threads) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bf16")) return flops(bf16_chains, 2.0 * 32 * kChains * kSteps, n_threads);
#endif
  return std::nullopt;
}

}  // namespace proxima
