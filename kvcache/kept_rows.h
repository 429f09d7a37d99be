// SPDX-License-Identifier: MIT
// What a cache hands out to be saved and takes back: named stores of rows and the positions they belong to. A method
// that remembers more than keys and values (sums of attention, say) names a store for that too.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
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

  // Without rows yet, of n elements each. Blocks of Q8_0 are handed out as their bytes: files know no such type.
  static KeptRows of(std::string name, DType dtype, size_t n_elements);
};

// The same positions in as few runs as possible, without data.
std::vector<RowRun> ranges_of(const std::vector<RowRun>& runs);

// The store of this name. Throws Error(kInput), naming `origin` and the store, unless it is there in this dtype and
// width.
const KeptRows& find_rows(const std::vector<KeptRows>& stores, const std::string& name, DType dtype, size_t n_columns,
                          const std::string& origin);

// Throws Error(kInput) unless the store holds exactly the positions of these runs.
void check_positions(const KeptRows& store, const std::vector<RowRun>& expected, const std::string& origin);

// The store of the name, dtype, width and positions of `expected`. Throws Error(kInput) otherwise.
const KeptRows& find_same_rows(const std::vector<KeptRows>& stores, const KeptRows& expected,
                               const std::string& origin);

// The stores whose names end so, and the others.
struct SplitStores {
  std::vector<KeptRows> matching;
  std::vector<KeptRows> others;
};
SplitStores split_stores(const std::vector<KeptRows>& stores, std::string_view ending);

}  // namespace proxima
