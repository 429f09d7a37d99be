// SPDX-License-Identifier: MIT
#include "core/processor.h"

#include <sched.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <algorithm>
#include <array>
#include <fstream>
#include <set>
#include <sstream>
#include <utility>

#include "core/error.h"
#include "core/kernels.h"
#include "core/kernels_tables.h"

namespace proxima {
namespace {

constexpr std::array<std::pair<SimdTarget, std::string_view>, 4> kTargetNames{{{SimdTarget::kScalar, "scalar"},
                                                                               {SimdTarget::kAvx2, "avx2"},
                                                                               {SimdTarget::kAvx512, "avx512"},
                                                                               {SimdTarget::kNeon, "neon"}}};

const Kernels* compiled_kernels(SimdTarget target) {
  switch (target) {
    case SimdTarget::kScalar:
      return scalar_kernels();
    case SimdTarget::kAvx2:
      return avx2_kernels();
    case SimdTarget::kAvx512:
      return avx512_kernels();
    case SimdTarget::kNeon:
      return neon_kernels();
  }
  return nullptr;
}

#if defined(__x86_64__)
bool processor_runs(SimdTarget target) {
  // What Highway lets the compiler use for its target of this name.
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") &&
                    __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                    __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("aes");
  if (target == SimdTarget::kAvx2) return avx2;
  if (target == SimdTarget::kAvx512) {
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
  }
  return true;
}
#else
bool processor_runs(SimdTarget /*target*/) {
  return true;
}  // NEON is part of the 64-bit ARM baseline
#endif

std::string first_line(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

// Logical processors that share a core list the same siblings; each core counts once.
int physical_cores_in_affinity_mask() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof(mask), &mask) != 0) return 1;
  std::set<std::string> cores;
  int n_unlisted = 0;
  for (size_t cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &mask)) continue;
    const auto siblings = first_line(fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", cpu));
    if (siblings.empty()) {
      ++n_unlisted;
    } else {
      cores.insert(siblings);
    }
  }
  return std::max(1, static_cast<int>(cores.size()) + n_unlisted);
}

// CPUs' worth of the cgroup quota of this process, or a negative number where there is no quota. Both versions of the
// interface; the tightest limit on the way to the root counts.
double cgroup_quota() {
  std::ifstream cgroups("/proc/self/cgroup");
  double tightest = -1;
  const auto take = [&](double quota, double period) {
    if (quota > 0 && period > 0 && (tightest < 0 || quota / period < tightest)) tightest = quota / period;
  };
  for (std::string line; std::getline(cgroups, line);) {
    const size_t controllers = line.find(':') + 1;
    const size_t path_begin = line.find(':', controllers) + 1;
    const std::string names = line.substr(controllers, path_begin - controllers - 1);
    for (std::string path = line.substr(path_begin); !path.empty(); path.resize(path.find_last_of('/'))) {
      if (path == "/") path.clear();
      if (names.empty()) {
        std::istringstream text(first_line("/sys/fs/cgroup" + path + "/cpu.max"));
        double quota = -1;
        double period = -1;
        if (text >> quota >> period) take(quota, period);
      } else if (("," + names + ",").find(",cpu,") != std::string::npos) {
        const std::string dir = "/sys/fs/cgroup/cpu" + path;
        std::istringstream text(first_line(dir + "/cpu.cfs_quota_us") + " " + first_line(dir + "/cpu.cfs_period_us"));
        double quota = -1;
        double period = -1;
        if (text >> quota >> period) take(quota, period);
      }
      if (path.empty() || path.find_last_of('/') == std::string::npos) break;
    }
  }
  return tightest;
}

}  // namespace

std::string_view simd_target_name(SimdTarget target) {
  return std::ranges::find(kTargetNames, target, &std::pair<SimdTarget, std::string_view>::first)->second;
}

std::optional<SimdTarget> simd_target_from_name(std::string_view name) {
  const auto* found = std::ranges::find(kTargetNames, name, &std::pair<SimdTarget, std::string_view>::second);
  if (found == kTargetNames.end()) return std::nullopt;
  return found->first;
}

std::vector<SimdTarget> supported_simd_targets() {
  std::vector<SimdTarget> targets;
  for (const auto& [target, name] : kTargetNames) {
    if (compiled_kernels(target) != nullptr && processor_runs(target)) targets.push_back(target);
  }
  return targets;
}

const Kernels& kernels_for(SimdTarget target) {
  if (compiled_kernels(target) == nullptr || !processor_runs(target)) {
    std::string names;
    for (const SimdTarget supported : supported_simd_targets()) {
      names += (names.empty() ? "" : ", ") + std::string(simd_target_name(supported));
    }
    fail(ErrorKind::kUsage, "SIMD target {} cannot run on this processor; it supports: {}", simd_target_name(target),
         names);
  }
  return *compiled_kernels(target);
}

bool has_bf16_products() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") != 0;
#else
  return false;
#endif
}

bool has_bf16_tiles() {
#if defined(__x86_64__)
  constexpr unsigned kAmxBf16 = 1U << 22;  // CPUID 7, EDX; clang 14 has no name for it
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  return has_bf16_products() && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (edx & kAmxBf16) != 0;
#else
  return false;
#endif
}

ThreadChoice default_threads() {
  const int cores = physical_cores_in_affinity_mask();
  const double quota = cgroup_quota();
  if (quota > 0 && quota < cores) {
    return {std::max(1, static_cast<int>(quota)), fmt::format("cgroup quota of {:.2f} CPUs", quota)};
  }
  return {cores, fmt::format("{} physical core{} in the affinity mask", cores, cores == 1 ? "" : "s")};
}

}  // namespace proxima
