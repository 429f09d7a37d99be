// SPDX-License-Identifier: MIT
// What this processor offers, and how many threads this process may use.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace proxima {

// A family of kernels. kScalar is plain C++ with std::fma and runs anywhere.
enum class SimdTarget { kScalar, kAvx2, kAvx512, kNeon };

std::string_view simd_target_name(SimdTarget target);  // "avx512", as --simd takes it
std::optional<SimdTarget> simd_target_from_name(std::string_view name);
std::vector<SimdTarget> supported_simd_targets();  // ascending, the last one is the best
bool has_bf16_products();                          // AVX512_BF16: bf16 products at twice the f32 rate
bool has_bf16_tiles();                             // AMX-BF16 besides: at sixteen times the f32 rate

struct ThreadChoice {
  int n_threads = 1;
  std::string reason;  // for the log: which limit decided
};
// The smallest of: physical cores in the affinity mask, the cgroup's CPU quota (rounded down, at least 1).
ThreadChoice default_threads();

}  // namespace proxima
