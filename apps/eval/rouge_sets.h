// SPDX-License-Identifier: MIT
// The ROUGE-L that LongBench reports (the package rouge 1.0.1), which counts distinct words and is case-sensitive.
#pragma once

#include <string_view>

namespace proxima {

// F in [0, 1]. Texts are cut at "." into sentences (empty ones dropped, blank ones one empty word), sentences at white
// space into words. U: the distinct words of the longest common subsequences of every reference sentence with every
// predicted one; P = |U| / distinct predicted words, R = |U| / distinct reference words, F = 2PR/(P+R+1e-8). A text
// without sentences scores 0. Of equally long subsequences the one is taken that steps back in the prediction unless
// stepping back in the reference is strictly better.
double longbench_rouge_l(std::string_view prediction, std::string_view reference);

}  // namespace proxima
