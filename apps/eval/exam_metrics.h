// SPDX-License-Identifier: MIT
// Scores of answers to exam questions, as LEval and InfiniteBench compute them; in [0, 1].
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace proxima {

// LEval. Letters A to D: the first one that stands anywhere, the A of "Answer" too; or, of several correct ones, the
// sorted set of all. Equal 1; a proper part of several 0.25.
double choice_score(std::string_view prediction, std::string_view expected, bool several);
// The number behind "the answer is", otherwise the last word with a digit, against the last one of the expected text.
double final_number_score(std::string_view prediction, std::string_view expected);
// Without commas and quotes, the expected words among the last n + 3.
double code_output_score(std::string_view prediction, std::string_view expected);
// The expected text stands in the prediction, whatever case and blanks.
double contained_score(std::string_view prediction, std::string_view expected);

// InfiniteBench.
double first_digits_score(std::string_view prediction, std::string_view expected);
double value_among_words(std::string_view prediction, std::string_view expected);
// The option's letter or its text, letters up to `last`.
double option_score(std::string_view prediction, const std::string& letter, const std::string& text);
double function_score(std::string_view prediction, const std::string& letter, const std::string& name);
double any_name_score(std::string_view prediction, const std::vector<std::string>& names);
double last_integer_score(std::string_view prediction, std::string_view expected);
double first_number_score(std::string_view prediction, std::string_view expected);
// The share of the expected numbers that come in order from the first on.
double correct_prefix_score(std::string_view prediction, const std::vector<std::string>& expected);

}  // namespace proxima
