// SPDX-License-Identifier: MIT
// Rows of one KV head's keys or values: contiguous, so that attention streams them, in address space reserved for the
// largest number of rows and touched as they come.
#pragma once

#include <cstddef>
#include <span>

#include "core/kernels.h"
#include "core/reserved_memory.h"

namespace proxima {

class RowStore {
 public:
  RowStore(size_t max_rows, size_t row_elements, DType dtype);

  // Copies n rows, source_stride bytes apart, to rows first, first + 1, ...
  void write(size_t first, size_t n, const std::byte* source, size_t source_stride);
  StoredRows rows() const { return {memory_.data(), dtype_, row_bytes_}; }
  size_t row_bytes() const { return row_bytes_; }
  // Removes one of n_rows rows; those after it move up.
  void erase(size_t row, size_t n_rows);
  // Forgets the rows from n_rows on and gives their pages back.
  void truncate(size_t n_rows);

  size_t allocated_bytes() const;  // whole pages touched
  std::span<const std::byte> allocated() const { return {memory_.data(), allocated_bytes()}; }
  size_t reserved_bytes() const { return memory_.n_bytes(); }

 private:
  size_t row_bytes_;
  DType dtype_;
  size_t n_touched_ = 0;  // rows
  ReservedMemory memory_;
};

}  // namespace proxima
