// SPDX-License-Identifier: MIT
// Who computes: the kernels of one SIMD target and a number of threads. Passed to whatever does arithmetic; made once
// at the program's edge.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>

#include "core/kernels.h"
#include "core/processor.h"

namespace proxima {

// kF64 and kF32 fix the order of every reduction: the same bits for any number of threads, chunk size and target.
// kFast leaves order to whoever is fastest and rounds the inputs of large products to bf16 where that doubles the
// speed.
enum class Precision { kF64, kF32, kFast };
inline constexpr std::array<std::string_view, 3> kPrecisionNames = {"f64", "f32", "fast"};

// The one of fixed order that computes in T.
template <class T>
inline constexpr Precision kFixedOrder = std::is_same_v<T, double> ? Precision::kF64 : Precision::kF32;

inline std::string_view precision_name(Precision precision) {
  return kPrecisionNames[static_cast<size_t>(precision)];
}

struct Compute {
  const Kernels* kernels = nullptr;
  int n_threads = 1;
  // Multiply-adds that each thread must get for a parallel region to pay: it costs about as much as some ten thousand,
  // and far more when other programs want the processor. Never changes results, only who computes them. Tests set 1.
  size_t grain = size_t{1} << 15;

  // All threads or one: a team that changes its size ends threads and starts new ones.
  int threads_for(size_t n_multiply_adds) const {
    return n_multiply_adds / grain < static_cast<size_t>(n_threads) ? 1 : n_threads;
  }
};

inline Compute default_compute() {
  return {&kernels_for(supported_simd_targets().back()), default_threads().n_threads};
}

}  // namespace proxima
