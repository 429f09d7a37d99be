// SPDX-License-Identifier: MIT
#include "core/memory_limit.h"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <optional>
#include <string_view>
#include <vector>

namespace proxima {
namespace {

namespace fs = std::filesystem;

constexpr size_t kKibi = 1024;

// The number after `key` at the beginning of a line of /proc/meminfo, /proc/self/status or memory.stat.
std::optional<size_t> field(const fs::path& path, std::string_view key) {
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    const size_t begin = line.find_first_of("0123456789", key.size());
    if (begin == std::string::npos) continue;
    size_t value = 0;
    if (std::from_chars(line.data() + begin, line.data() + line.size(), value).ec == std::errc()) return value;
  }
  return std::nullopt;
}

// A file that holds one number; nothing for "max".
std::optional<size_t> number_in(const fs::path& path) {
  std::ifstream in(path);
  size_t value = 0;
  if (in >> value) return value;
  return std::nullopt;
}

struct CgroupFiles {
  const char* limit;
  const char* usage;
};
constexpr CgroupFiles kVersion1{"memory.limit_in_bytes", "memory.usage_in_bytes"};
constexpr CgroupFiles kVersion2{"memory.max", "memory.current"};

// What a group still grants; nothing without a limit.
std::optional<size_t> left_in(const fs::path& group, const CgroupFiles& files) {
  const auto limit = number_in(group / files.limit);
  const auto usage = number_in(group / files.usage);
  if (!limit || !usage) return std::nullopt;
  const size_t droppable = field(group / "memory.stat", "inactive_file ").value_or(0) +
                           field(group / "memory.stat", "active_file ").value_or(0);
  const size_t held = *usage > droppable ? *usage - droppable : 0;
  return *limit > held ? *limit - held : 0;
}

void take_smaller(MemoryLimit& best, const fs::path& mount, const std::string& group, const CgroupFiles& files) {
  for (fs::path path = group;; path = path.parent_path()) {
    if (const auto left = left_in(mount / path.relative_path(), files); left && *left < best.bytes) {
      best = {*left, fmt::format("memory limit of cgroup {}", path.string())};
    }
    if (!path.has_relative_path()) return;
  }
}

}  // namespace

MemoryLimit available_memory(const fs::path& root) {
  MemoryLimit best{SIZE_MAX, "no limit known"};
  if (const auto available = field(root / "proc/meminfo", "MemAvailable:")) {
    best = {*available * kKibi, "memory available on this machine"};
  }
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "hierarchy:controllers:path"
    const size_t controllers = line.find(':') + 1;
    const size_t path = line.find(':', controllers) + 1;
    if (controllers == 0 || path == 0) continue;
    const std::string names = fmt::format(",{},", line.substr(controllers, path - controllers - 1));
    if (names == ",,") {
      take_smaller(best, root / "sys/fs/cgroup", line.substr(path), kVersion2);
    } else if (names.find(",memory,") != std::string::npos) {
      take_smaller(best, root / "sys/fs/cgroup/memory", line.substr(path), kVersion1);
    }
  }
  return best;
}

ProcessMemory process_memory() {
  const auto bytes = [](std::string_view key) { return field("/proc/self/status", key).value_or(0) * kKibi; };
  return {bytes("VmRSS:"), bytes("VmHWM:"), bytes("RssAnon:")};
}

}  // namespace proxima
