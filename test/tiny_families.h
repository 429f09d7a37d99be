// SPDX-License-Identifier: MIT
// A tiny model of each family with everything that is the family's own switched on.
#pragma once

#include <vector>

#include "test/tiny_model.h"

namespace proxima::test {

// Four or five layers in two or more classes where the family has such, neighbours of equal class among them; windows
// between 33 and 150 tokens (but for Phi-3's). Different numbers for another seed, the same family and layers.
std::vector<TinyModelOptions> tiny_families(uint64_t seed = 1);

}  // namespace proxima::test
