// SPDX-License-Identifier: MIT
#include "apps/eval/exam_metrics.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <set>

#include "apps/eval/words.h"
#include "model/unicode.h"

namespace proxima {
namespace {

bool is_digit(char letter) {
  return letter >= '0' && letter <= '9';
}

bool is_word(char letter) {
  return std::isalnum(static_cast<unsigned char>(letter)) != 0 || letter == '_' || (letter & 0x80) != 0;
}

std::string stripped(std::string_view text) {
  const size_t begin = std::min(text.find_first_not_of(" \t\r\n\f\v"), text.size());
  const size_t end = text.find_last_not_of(" \t\r\n\f\v");
  return std::string(text.substr(begin, end == text.npos ? 0 : end + 1 - begin));
}

std::optional<double> number_of(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The first number of a text, a sign and thousands' commas allowed; "18." is 18.
std::optional<double> first_number(std::string_view text) {
  const auto found = std::ranges::find_if(text, is_digit);
  if (found == text.end()) return std::nullopt;
  const auto begin = static_cast<size_t>(found - text.begin());
  std::string digits(begin > 0 && text[begin - 1] == '-' ? "-" : "");
  for (size_t i = begin; i < text.size(); ++i) {
    const bool before_digit = i + 1 < text.size() && is_digit(text[i + 1]);
    if (text[i] == ',' && before_digit) continue;
    if (!is_digit(text[i]) && !(text[i] == '.' && before_digit)) break;
    digits += text[i];
  }
  return number_of(digits);
}

std::optional<double> last_number(std::string_view text) {
  const auto words = split_words(text);
  const auto found = std::find_if(words.rbegin(), words.rend(),
                                  [](const std::string& word) { return std::ranges::any_of(word, is_digit); });
  return found == words.rend() ? std::nullopt : first_number(*found);
}

// \b[A-last]\b(?!.*\b[A-last]\b): the last isolated letter of the first line that has one.
std::string isolated_letter(const std::string& text, char last) {
  for (const std::string& line : split_at(text, '\n')) {
    std::string found;
    for (size_t i = 0; i < line.size(); ++i) {
      if (line[i] < 'A' || line[i] > last) continue;
      if (i > 0 && is_word(line[i - 1])) continue;
      if (i + 1 < line.size() && is_word(line[i + 1])) continue;
      found = line[i];
    }
    if (!found.empty()) return found;
  }
  return "";
}

// What stands one character behind the first of the phrases that occurs begins with one of the accepted texts; nothing
// where no phrase occurs.
template <size_t n>
std::optional<bool> follows_phrase(const std::string& text, const std::array<std::string_view, n>& phrases,
                                   const std::vector<std::string>& accepted) {
  for (const std::string_view phrase : phrases) {
    const size_t at = text.find(phrase);
    if (at == std::string::npos) continue;
    if (text.size() < at + phrase.size() + 1) return false;
    const std::string rest = text.substr(at + phrase.size() + 1);
    return std::ranges::any_of(accepted, [&](const std::string& each) { return rest.starts_with(each); });
  }
  return std::nullopt;
}

std::string without_blanks(std::string_view text) {
  std::string joined;
  for (const std::string& word : split_words(to_lower(text))) joined += word;
  return joined;
}

}  // namespace

double choice_score(std::string_view prediction, std::string_view expected, bool several) {
  const auto letters_of = [&](std::string_view text, bool all) {
    std::set<char> letters;
    for (const char letter : text) {
      if (letter < 'A' || letter > 'D') continue;
      letters.insert(letter);
      if (!all) break;
    }
    return letters;
  };
  const auto got = letters_of(prediction, several);
  const auto wanted = letters_of(expected, several);
  if (got == wanted && !wanted.empty()) return 1;
  const bool is_part = several && wanted.size() > 1 && !got.empty() && std::ranges::includes(wanted, got);
  return is_part ? 0.25 : 0;
}

double final_number_score(std::string_view prediction, std::string_view expected) {
  constexpr std::string_view kPhrase = "the answer is";
  const std::string lower = to_lower(prediction);
  const size_t at = lower.find(kPhrase);
  auto got = at == std::string::npos ? std::nullopt : first_number(std::string_view(lower).substr(at + kPhrase.size()));
  if (!got) got = last_number(lower);
  const auto wanted = last_number(expected);
  return got && wanted && *got == *wanted ? 1 : 0;
}

double code_output_score(std::string_view prediction, std::string_view expected) {
  const auto words_of = [](std::string_view text) {
    std::string plain(text);
    std::erase_if(plain, [](char c) { return c == ',' || c == '\'' || c == '"'; });
    return split_words(plain);
  };
  const auto joined = [](const std::vector<std::string>& words, size_t first) {
    std::string text;
    for (size_t i = first; i < words.size(); ++i) text += (i == first ? "" : " ") + words[i];
    return text;
  };
  const auto got = words_of(prediction);
  const auto wanted = words_of(expected);
  if (wanted.empty()) return 0;
  const size_t n_last = std::min(got.size(), wanted.size() + 3);
  return joined(got, got.size() - n_last).find(joined(wanted, 0)) != std::string::npos ? 1 : 0;
}

double contained_score(std::string_view prediction, std::string_view expected) {
  const std::string wanted = without_blanks(expected);
  return !wanted.empty() && without_blanks(prediction).find(wanted) != std::string::npos ? 1 : 0;
}

double first_digits_score(std::string_view prediction, std::string_view expected) {
  const auto begin = std::ranges::find_if(prediction, is_digit);
  const auto end = std::find_if_not(begin, prediction.end(), is_digit);
  return begin != prediction.end() && std::string_view(begin, end) == expected ? 1 : 0;
}

double value_among_words(std::string_view prediction, std::string_view expected) {
  std::string plain(prediction);
  for (char& letter : plain) {
    if (std::string_view("\n:\"'.,?!{}").find(letter) != std::string_view::npos) letter = ' ';
  }
  const auto words = split_words(plain);
  return std::ranges::find(words, expected) != words.end() ? 1 : 0;
}

double option_score(std::string_view prediction, const std::string& letter, const std::string& text) {
  constexpr std::array<std::string_view, 4> kPhrases = {"answer is:", "answer:", "answer is", "option is"};
  const std::string got = stripped(prediction);
  if (isolated_letter(got, 'D') == letter) return 1;
  if (got.empty()) return 0;
  if (got[0] >= 'A' && got[0] <= 'D') return got.substr(0, 1) == letter || got == text ? 1 : 0;
  if (got == text) return 1;
  if (const auto follows = follows_phrase(got, kPhrases, {text, letter})) return *follows ? 1 : 0;
  for (const std::string& word : split_words(got)) {
    if (word.size() == 1 && word[0] >= 'A' && word[0] <= 'D') return word == letter ? 1 : 0;
  }
  return 0;
}

double function_score(std::string_view prediction, const std::string& letter, const std::string& name) {
  constexpr std::array<std::string_view, 4> kPhrases = {"answer is:", "is:", "answer:", "correct option is:"};
  const std::string got = stripped(prediction);
  if (isolated_letter(got, 'J') == letter) return 1;
  if (got.starts_with(letter) || got.starts_with(name)) return 1;
  return follows_phrase(got, kPhrases, {letter, name}).value_or(false) ? 1 : 0;
}

double any_name_score(std::string_view prediction, const std::vector<std::string>& names) {
  const std::string got = to_lower(prediction);
  const auto is_there = [&](const std::string& name) { return got.find(to_lower(name)) != std::string::npos; };
  return std::ranges::any_of(names, is_there) ? 1 : 0;
}

double last_integer_score(std::string_view prediction, std::string_view expected) {
  const auto words = split_words(prediction);
  if (words.empty()) return 0;
  long long got = 0;
  long long wanted = 0;
  const auto parse = [](std::string_view text, long long& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
  };
  return parse(words.back(), got) && parse(expected, wanted) && got == wanted ? 1 : 0;
}

double first_number_score(std::string_view prediction, std::string_view expected) {
  const auto got = first_number(prediction);
  const auto wanted = number_of(expected);
  return got && wanted && *got == *wanted ? 1 : 0;
}

double correct_prefix_score(std::string_view prediction, const std::vector<std::string>& expected) {
  std::vector<std::string> got;
  bool open = false;
  for (const char letter : prediction) {
    if (is_digit(letter) && !open) got.emplace_back();
    open = is_digit(letter);
    if (open) got.back() += letter;
  }
  size_t n_right = 0;
  while (n_right < std::min(got.size(), expected.size()) && got[n_right] == expected[n_right]) ++n_right;
  return expected.empty() ? 0 : static_cast<double>(n_right) / static_cast<double>(expected.size());
}

}  // namespace proxima
