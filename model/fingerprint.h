// SPDX-License-Identifier: MIT
// A cheap name for a checkpoint's content, kept with results and saved caches to tell which weights made them.
#pragma once

#include <string>

#include "model/weights.h"

namespace proxima {

// 16 hexadecimal digits: 64-bit FNV-1a over, for each tensor in the order of names, its name, dtype, shape and sampled
// bytes (all bytes up to 4 KiB, otherwise 8 runs of 64 bytes spread evenly from the first byte to the last). How the
// tensors are cut into shards, header padding and metadata do not matter. Training or converting a model changes it;
// an edit of single elements may not. It is no protection against intent. Reads a few pages per tensor.
std::string checkpoint_fingerprint(const Checkpoint& checkpoint);

}  // namespace proxima
