// SPDX-License-Identifier: MIT
// A random model in which some layers compute the same keys, so that sharing them changes nothing.
#pragma once

#include "kvcache/sharing_map.h"
#include "test/tiny_model.h"

namespace proxima::test {

// Five layers, two KV heads: layers 0 and 1 have equal keys, and 2, 3 and 4. With equal_queries also the queries, so
// that they attend alike.
void write_equal_key_model(const std::filesystem::path& dir, bool equal_queries);

// Blocks within those layers.
inline SharingMap equal_key_map() {
  return {5, 2, 3, 40, {{0, 2}, {0, 1, 2, 4}}};
}

}  // namespace proxima::test
