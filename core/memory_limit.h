// SPDX-License-Identifier: MIT
// How much memory this process may still take, and how much it has taken.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace proxima {

struct MemoryLimit {
  size_t bytes = 0;
  std::string reason;  // for the log: which limit decided
};
// The smaller of the system's available memory and what the cgroups (version 1 or 2) still grant; pages of files, which
// the kernel drops under pressure, count as available. `root` is where proc and sys stand.
MemoryLimit available_memory(const std::filesystem::path& root = "/");

struct ProcessMemory {
  size_t resident = 0;       // bytes, mapped files included
  size_t peak_resident = 0;  // likewise, the most so far
  size_t anonymous = 0;      // resident bytes that no file backs
};
ProcessMemory process_memory();

}  // namespace proxima
