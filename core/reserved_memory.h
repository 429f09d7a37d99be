// SPDX-License-Identifier: MIT
// Address space reserved once and backed by memory only where it has been touched: a store can grow to its largest size
// without being moved, and costs what it holds.
#pragma once

#include <cstddef>

namespace proxima {

class ReservedMemory {
 public:
  ReservedMemory() = default;
  explicit ReservedMemory(size_t n_bytes);  // zero-filled on first touch; throws Error(kMemory)
  ~ReservedMemory();
  ReservedMemory(ReservedMemory&& other) noexcept;
  ReservedMemory& operator=(ReservedMemory&& other) noexcept;

  std::byte* data() const { return data_; }
  size_t n_bytes() const { return n_bytes_; }
  // Gives the whole pages inside [begin, end) back to the system; they read as zero again.
  void discard(size_t begin, size_t end);

  static size_t page_bytes();
  static size_t whole_pages(size_t n_bytes);  // rounded up

 private:
  std::byte* data_ = nullptr;
  size_t n_bytes_ = 0;
};

}  // namespace proxima
