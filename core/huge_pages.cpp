// SPDX-License-Identifier: MIT
#include "core/huge_pages.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <map>

namespace proxima {
namespace {

constexpr int kCollapse = 25;  // MADV_COLLAPSE of Linux 6.1, which the C library of Debian 12 does not name

}  // namespace

std::vector<const std::byte*> huge_pieces(std::span<const std::span<const std::byte>> ranges) {
  std::map<uintptr_t, size_t> filled;  // bytes, by the piece's address
  for (const auto& range : ranges) {
    auto begin = reinterpret_cast<uintptr_t>(range.data());
    const uintptr_t end = begin + range.size();
    while (begin < end) {
      const uintptr_t piece = begin / kHugePage * kHugePage;
      const uintptr_t next = std::min(end, piece + kHugePage);
      filled[piece] += next - begin;
      begin = next;
    }
  }
  std::vector<const std::byte*> pieces;
  for (const auto& [piece, n_bytes] : filled) {
    if (n_bytes >= kHugePage - kHugePage / 8) pieces.push_back(reinterpret_cast<const std::byte*>(piece));
  }
  return pieces;
}

void move_to_huge_pages(std::span<const std::span<const std::byte>> ranges) {
  for (const std::byte* piece : huge_pieces(ranges)) {
    const int result = madvise(const_cast<std::byte*>(piece), kHugePage, kCollapse);
    if (result != 0 && errno == ENOMEM) return;  // no huge page is free: asking again would take long
  }
}

}  // namespace proxima
