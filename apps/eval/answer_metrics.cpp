// SPDX-License-Identifier: MIT
#include "apps/eval/answer_metrics.h"

#include <algorithm>
#include <map>
#include <set>

#include "apps/eval/words.h"
#include "core/error.h"
#include "core/quote.h"
#include "model/unicode.h"

namespace proxima {
namespace {

double share(size_t part, size_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::vector<std::string> digit_runs(std::string_view text) {
  std::vector<std::string> runs;
  bool in_run = false;
  for (const char letter : text) {
    const bool is_digit = letter >= '0' && letter <= '9';
    if (is_digit && !in_run) runs.emplace_back();
    if (is_digit) runs.back() += letter;
    in_run = is_digit;
  }
  return runs;
}

double share_equal(const std::vector<std::string>& words, std::string_view expected) {
  return share(static_cast<size_t>(std::ranges::count(words, expected)), words.size());
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

// What RULER does to a prediction before it looks into it.
std::string ruler_text(std::string_view prediction) {
  std::string text = to_lower(prediction);
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, '\n');
  return text;
}

std::set<std::string> distinct_words(std::string_view text, bool strip_punctuation) {
  const std::string lower = to_lower(text);
  std::set<std::string> distinct;
  for (std::string word : split_words(lower)) {
    if (strip_punctuation) {
      std::erase_if(word, [](char c) { return std::ispunct(static_cast<unsigned char>(c)) != 0 && (c & 0x80) == 0; });
    }
    if (!word.empty()) distinct.insert(word);
  }
  return distinct;
}

}  // namespace

double bag_f1(const std::vector<std::string>& predicted, const std::vector<std::string>& expected) {
  std::map<std::string, size_t> available;
  for (const std::string& word : expected) ++available[word];
  size_t n_common = 0;
  for (const std::string& word : predicted) {
    const auto found = available.find(word);
    if (found == available.end() || found->second == 0) continue;
    --found->second;
    ++n_common;
  }
  if (n_common == 0) return 0;
  const double precision = share(n_common, predicted.size());
  const double recall = share(n_common, expected.size());
  return 2 * precision * recall / (precision + recall);
}

double qa_f1(std::string_view prediction, std::string_view expected) {
  return bag_f1(split_words(normalise_answer(prediction)), split_words(normalise_answer(expected)));
}

double character_f1(std::string_view prediction, std::string_view expected) {
  return bag_f1(character_words(prediction), character_words(expected));
}

double classification_score(std::string_view prediction, std::string_view expected,
                            const std::vector<std::string>& classes, bool compatible) {
  std::vector<std::string> found;
  std::ranges::copy_if(classes, std::back_inserter(found),
                       [&](const auto& name) { return contains(prediction, name); });
  const auto is_proper_part = [&](const std::string& name) { return name != expected && contains(expected, name); };
  if (compatible) {
    for (size_t i = 0; i < found.size(); ++i) {
      if (is_proper_part(found[i])) found.erase(std::ranges::find(found, found[i]));
    }
  } else {
    std::erase_if(found, is_proper_part);
  }
  return std::ranges::find(found, expected) == found.end() ? 0 : share(1, found.size());
}

double count_score(std::string_view prediction, std::string_view expected) {
  return share_equal(digit_runs(prediction), expected);
}

double retrieval_score(std::string_view prediction, std::string_view expected, std::string_view label) {
  const size_t begin = expected.find(label);
  const auto numbers = begin == expected.npos ? std::vector<std::string>() : digit_runs(expected.substr(begin));
  if (numbers.empty()) {
    fail(ErrorKind::kInput, "the expected answer {} names no {}", quote(expected), quote(std::string(label) + "N"));
  }
  return share_equal(digit_runs(prediction), numbers.front());
}

double match_all(std::string_view prediction, const std::vector<std::string>& references) {
  const std::string text = ruler_text(prediction);
  const auto n_found =
      std::ranges::count_if(references, [&](const std::string& each) { return contains(text, to_lower(each)); });
  return share(static_cast<size_t>(n_found), references.size());
}

double match_part(std::string_view prediction, const std::vector<std::string>& references) {
  return match_all(prediction, references) > 0 ? 1 : 0;
}

double needle_phrase(std::string_view response, std::string_view expected) {
  return contains(normalise_answer(response), normalise_answer(expected)) ? 1 : 0;
}

double needle_overlap(std::string_view response, std::string_view expected, bool strip_punctuation) {
  const auto wanted = distinct_words(expected, strip_punctuation);
  const auto got = distinct_words(response, strip_punctuation);
  const auto n_common = std::ranges::count_if(wanted, [&](const std::string& word) { return got.contains(word); });
  return share(static_cast<size_t>(n_common), wanted.size());
}

}  // namespace proxima
