// SPDX-License-Identifier: MIT
#include "apps/eval/snapshot.h"

namespace proxima {

CacheSnapshot::CacheSnapshot(const KvCache& cache) : n_tokens_(cache.n_tokens()), stores_(cache.save()) {
  for (KeptRows& store : stores_) {
    std::vector<std::byte>& copy = bytes_.emplace_back();
    copy.reserve(store.n_rows() * store.row_bytes());
    for (const RowRun& run : store.runs) copy.insert(copy.end(), run.data, run.data + run.count * store.row_bytes());
    const std::byte* data = copy.data();
    for (RowRun& run : store.runs) {
      run.data = data;
      data += run.count * store.row_bytes();
    }
  }
}

void CacheSnapshot::restore(KvCache& cache) const {
  cache.clear();
  cache.restore(n_tokens_, stores_, "snapshot");
}

}  // namespace proxima
