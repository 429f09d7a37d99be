// SPDX-License-Identifier: MIT
#include "kvcache/kv_cache.h"

namespace proxima {

CacheBytes& CacheBytes::operator+=(const CacheBytes& other) {
  logical += other.logical;
  slack += other.slack;
  allocated += other.allocated;
  reserved += other.reserved;
  return *this;
}

CacheBytes KvCache::total_bytes() const {
  CacheBytes total;
  for (size_t layer = 0; layer < geometry().n_layers; ++layer) total += bytes(layer);
  return total;
}

}  // namespace proxima
