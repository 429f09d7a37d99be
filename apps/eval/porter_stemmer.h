// SPDX-License-Identifier: MIT
// Porter's stemmer (An algorithm for suffix stripping, 1980) with the departures of NLTK's default mode, which Google's
// rouge_score uses: a few irregular words, y to i after any consonant, and some further suffixes.
#pragma once

#include <string>
#include <string_view>

namespace proxima {

// `word`: a-z and 0-9 only. Words of one or two letters stay as they are.
std::string porter_stem(std::string_view word);

}  // namespace proxima
