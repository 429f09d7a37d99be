// SPDX-License-Identifier: MIT
// LongBench's score of a completed line of code.
#pragma once

#include <string_view>

namespace proxima {

// The first line of the prediction without a backtick, # or // (leading newlines removed; an empty text if there is
// none) against the expected text: round(100 r) / 100, r = 2 LCS / (sum of the lengths in characters), which is what
// fuzz.ratio gives with python-Levenshtein. Equal texts score 1, otherwise an empty one 0.
double edit_similarity(std::string_view prediction, std::string_view expected);

}  // namespace proxima
