// SPDX-License-Identifier: MIT
#include "apps/eval/words.h"

#include <algorithm>

#include "model/unicode.h"
#include "model/utf8.h"

namespace proxima {
namespace {

bool is_ascii_punctuation(char letter) {
  constexpr std::string_view kPunctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
  return kPunctuation.find(letter) != kPunctuation.npos;
}

bool is_word_character(char32_t value) {
  return value == U'_' || is_alphanumeric(value);
}

// Replaces a, an and the by a blank where they stand between word borders (\b).
std::string without_articles(std::string_view text) {
  std::string result;
  for (size_t pos = 0; pos < text.size();) {
    const bool in_word = is_word_character(code_point_at(text, pos).value);
    size_t end = pos;
    while (end < text.size() && is_word_character(code_point_at(text, end).value) == in_word) {
      end += code_point_at(text, end).n_bytes;
    }
    const std::string_view run = text.substr(pos, end - pos);
    result += run == "a" || run == "an" || run == "the" ? " " : run;
    pos = end;
  }
  return result;
}

}  // namespace

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  bool in_word = false;
  for (size_t pos = 0; pos < text.size();) {
    const CodePoint point = code_point_at(text, pos);
    if (is_python_space(point.value)) {
      in_word = false;
    } else {
      if (!in_word) words.emplace_back();
      in_word = true;
      words.back() += text.substr(pos, point.n_bytes);
    }
    pos += point.n_bytes;
  }
  return words;
}

std::vector<std::string> split_at(std::string_view text, char separator) {
  std::vector<std::string> pieces;
  size_t begin = 0;
  for (size_t end = text.find(separator); end != text.npos; begin = end + 1, end = text.find(separator, begin)) {
    pieces.emplace_back(text.substr(begin, end - begin));
  }
  pieces.emplace_back(text.substr(begin));
  return pieces;
}

std::string normalise_answer(std::string_view text, bool keep_case) {
  std::string plain = keep_case ? std::string(text) : to_lower(text);
  std::erase_if(plain, is_ascii_punctuation);
  std::string joined;
  for (const std::string& word : split_words(without_articles(plain))) {
    if (!joined.empty()) joined += ' ';
    joined += word;
  }
  return joined;
}

std::vector<std::string> character_words(std::string_view text) {
  std::vector<std::string> words;
  const std::string lower = to_lower(text);
  for (size_t pos = 0; pos < lower.size();) {
    const CodePoint point = code_point_at(lower, pos);
    const bool is_ascii = point.n_bytes == 1;
    const bool dropped =
        is_python_space(point.value) || (is_ascii ? is_ascii_punctuation(lower[pos]) : is_punctuation(point.value));
    if (!dropped) words.push_back(lower.substr(pos, point.n_bytes));
    pos += point.n_bytes;
  }
  return words;
}

}  // namespace proxima
