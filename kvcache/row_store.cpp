// SPDX-License-Identifier: MIT
#include "kvcache/row_store.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace proxima {

RowStore::RowStore(size_t max_rows, size_t row_elements, DType dtype)
    : row_bytes_(proxima::row_bytes(dtype, row_elements)),
      dtype_(dtype),
      memory_(ReservedMemory::whole_pages(max_rows * row_bytes_)) {}

void RowStore::write(size_t first, size_t n, const std::byte* source, size_t source_stride) {
  assert((first + n) * row_bytes_ <= memory_.n_bytes());
  for (size_t row = 0; row < n; ++row) {
    std::memcpy(memory_.data() + (first + row) * row_bytes_, source + row * source_stride, row_bytes_);
  }
  n_touched_ = std::max(n_touched_, first + n);
}

void RowStore::erase(size_t row, size_t n_rows) {
  assert(row < n_rows && n_rows * row_bytes_ <= memory_.n_bytes());
  std::byte* hole = memory_.data() + row * row_bytes_;
  std::memmove(hole, hole + row_bytes_, (n_rows - row - 1) * row_bytes_);
}

void RowStore::truncate(size_t n_rows) {
  if (n_rows >= n_touched_) return;
  memory_.discard(n_rows * row_bytes_, memory_.n_bytes());
  n_touched_ = n_rows;
}

size_t RowStore::allocated_bytes() const {
  return ReservedMemory::whole_pages(n_touched_ * row_bytes_);
}

}  // namespace proxima
