// SPDX-License-Identifier: MIT
// A cache as it stood, to go back to: many questions about one document that is read once.
#pragma once

#include <cstddef>
#include <vector>

#include "kvcache/kv_cache.h"

namespace proxima {

class CacheSnapshot {
 public:
  // Outside of prompts. Copies the rows that KvCache::save() hands out: as many bytes as the cache keeps.
  explicit CacheSnapshot(const KvCache& cache);

  // The cache, of the same method and geometry, becomes what it was.
  void restore(KvCache& cache) const;

 private:
  size_t n_tokens_;
  std::vector<KeptRows> stores_;  // their data in bytes_
  std::vector<std::vector<std::byte>> bytes_;
};

}  // namespace proxima
