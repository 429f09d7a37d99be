// SPDX-License-Identifier: MIT
// Learns byte-pair merges from a text, for the made-up tokenizer of `synth`: the most frequent pair of neighbouring
// tokens becomes a token, again and again. Nothing clever; seconds for a text of some ten kilobytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace proxima {

// At most max_merges pairs of byte strings, in the order in which they apply; pairs that occur once are not learnt.
std::vector<std::pair<std::string, std::string>> learn_merges(std::string_view text, size_t max_merges);

}  // namespace proxima
