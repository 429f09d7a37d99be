// SPDX-License-Identifier: MIT
// Vectors that begin where a cache line does: registers of 64 bytes then never straddle two lines, which would make
// every load two. std::vector's own memory is aligned to 16.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace proxima {

template <class T>
struct LineAllocator {
  using value_type = T;
  static constexpr std::align_val_t kLine{64};
  LineAllocator() = default;
  template <class U>
  LineAllocator(const LineAllocator<U>& /*other*/) {}
  T* allocate(size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), kLine)); }
  void deallocate(T* p, size_t n) { ::operator delete(p, n * sizeof(T), kLine); }
  bool operator==(const LineAllocator& /*other*/) const { return true; }
};

template <class T>
using AlignedVector = std::vector<T, LineAllocator<T>>;

}  // namespace proxima
