// SPDX-License-Identifier: MIT
// Texts cut into words as the benchmarks' own scripts cut them. Texts must be well-formed UTF-8.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace proxima {

// Python's str.split(): at runs of white space, no empty words.
std::vector<std::string> split_words(std::string_view text);
// Python's str.split(separator): empty pieces included.
std::vector<std::string> split_at(std::string_view text, char separator);

// SQuAD's normalisation: lower case, ASCII punctuation deleted, the words a, an and the replaced by a blank, runs of
// white space one blank. LEval's exact match keeps the case.
std::string normalise_answer(std::string_view text, bool keep_case = false);

// InfiniteBench's Chinese answers: lower case, every character a word but for white space and punctuation.
std::vector<std::string> character_words(std::string_view text);

}  // namespace proxima
