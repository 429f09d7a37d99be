// SPDX-License-Identifier: MIT
// Memory that is read from end to end, again and again, comes up to 10 % faster from pages of 2 MiB than from the usual
// ones of 4 KiB: the processor asks ahead within a page, and each page has an address to look up.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace proxima {

constexpr size_t kHugePage = size_t{1} << 21;

// The aligned pieces of kHugePage, ascending, that these ranges fill but for an eighth; no two ranges may overlap.
std::vector<const std::byte*> huge_pieces(std::span<const std::span<const std::byte>> ranges);

// Moves those pieces of anonymous memory to huge pages in place: addresses and contents stay. The gaps, an eighth at
// most, become memory in use. A piece stays as it is if the system has no huge page for it. Half a millisecond each. No
// thread may write to the ranges meanwhile.
void move_to_huge_pages(std::span<const std::span<const std::byte>> ranges);

}  // namespace proxima
