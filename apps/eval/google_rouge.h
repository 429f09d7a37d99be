// SPDX-License-Identifier: MIT
// ROUGE as Google's rouge_score computes it: lower case, everything but a-z and 0-9 a blank, optionally words longer
// than 3 stemmed (apps/eval/porter_stemmer.h). F in [0, 1].
#pragma once

#include <cstddef>
#include <string_view>

namespace proxima {

// Clipped counts of n-grams.
double google_rouge_n(std::string_view prediction, std::string_view reference, size_t n, bool stem);
// One longest common subsequence of the whole texts.
double google_rouge_l(std::string_view prediction, std::string_view reference, bool stem);
// Per line of the reference, the union of its common subsequences with every line of the prediction.
double google_rouge_l_sum(std::string_view prediction, std::string_view reference, bool stem);

}  // namespace proxima
