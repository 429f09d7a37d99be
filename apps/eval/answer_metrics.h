// SPDX-License-Identifier: MIT
// Scores of a short answer against what was expected, as LongBench, RULER and InfiniteBench compute them; all in [0,
// 1]. Texts must be well-formed UTF-8.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace proxima {

// F of two bags of words: 2PR/(P+R) with the common words counted as often as both have them; 0 if there are none.
double bag_f1(const std::vector<std::string>& predicted, const std::vector<std::string>& expected);
// Of normalised words.
double qa_f1(std::string_view prediction, std::string_view expected);
// Of characters (InfiniteBench, Chinese).
double character_f1(std::string_view prediction, std::string_view expected);

// Classes that stand in the prediction, less those that are a proper part of the expected one; 1/number left if that
// is among them. `compatible`: as the published script, which deletes while it iterates and so may skip one.
double classification_score(std::string_view prediction, std::string_view expected,
                            const std::vector<std::string>& classes, bool compatible = false);

// The share of the prediction's runs of digits that equal the expected one; 0 if there are none.
double count_score(std::string_view prediction, std::string_view expected);
// The same for the number behind `label` in the expected text: "Paragraph 7". Throws Error(kInput) if there is none.
double retrieval_score(std::string_view prediction, std::string_view expected, std::string_view label = "Paragraph ");

// RULER: stripped, control characters made newlines; the share of references that are a part of the prediction,
// whatever their case, and whether any is.
double match_all(std::string_view prediction, const std::vector<std::string>& references);
double match_part(std::string_view prediction, const std::vector<std::string>& references);

// Needle in a haystack. phrase: 1 if the normalised expected phrase stands in the normalised response. overlap: the
// share of the expected distinct words that the response has, lower case; punctuation sticks to its word ("day." is
// not "day") unless it is stripped.
double needle_phrase(std::string_view response, std::string_view expected);
double needle_overlap(std::string_view response, std::string_view expected, bool strip_punctuation);

}  // namespace proxima
