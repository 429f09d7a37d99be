// SPDX-License-Identifier: MIT
// What a cache hands out to be saved and takes back: named stores of rows and the positions they belong to. A method
// that remembers more than keys and values (sums of attention, say) names a store for that too.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "core/dtype.h"

namespace proxima {

// Rows of consecutive positions, one after the other in memory.
struct RowRun {
  size_t first = 0;                 // position
  size_t count = 0;                 // at least 1
  const std::byte* data = nullptr;  // [count, n_columns]; belongs to the cache, or to the file it was read from
};

struct KeptRows {
  std::string name;  // unique within the cache: "layers.3.heads.0.keys"
  DType dtype = DType::kF32;
  size_t n_columns = 0;
  std::vector<RowRun> runs;  // in order of position

  size_t n_rows() const;
  size_t row_bytes() const { return n_columns * dtype_bytes(dtype); }
  // The same rows in as few runs as the positions allow; their data is not looked at.
  std::vector<RowRun> ranges() const;
};

// The store of this name. Throws Error(kInput), naming `origin` and the store, unless it is there in this dtype and
// width and holds exactly the positions of `expected`.
const KeptRows& find_rows(const std::vector<KeptRows>& stores, const KeptRows& expected, const std::string& origin);

}  // namespace proxima
