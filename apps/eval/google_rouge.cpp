// SPDX-License-Identifier: MIT
#include "apps/eval/google_rouge.h"

#include <map>
#include <set>
#include <string>
#include <vector>

#include "apps/eval/longest_common.h"
#include "apps/eval/porter_stemmer.h"
#include "apps/eval/words.h"

namespace proxima {
namespace {

using Words = std::vector<std::string>;

constexpr size_t kShortWord = 3;  // not stemmed

Words tokens_of(std::string_view text, bool stem) {
  std::string plain;
  for (const char letter : text) {
    const bool is_upper = letter >= 'A' && letter <= 'Z';
    const bool kept = is_upper || (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9');
    plain += !kept ? ' ' : is_upper ? static_cast<char>(letter - 'A' + 'a') : letter;
  }
  Words words = split_words(plain);
  if (!stem) return words;
  for (std::string& word : words) {
    if (word.size() > kShortWord) word = porter_stem(word);
  }
  return words;
}

double f_measure(size_t n_common, size_t n_predicted, size_t n_expected) {
  if (n_common == 0) return 0;
  const double precision = static_cast<double>(n_common) / static_cast<double>(n_predicted);
  const double recall = static_cast<double>(n_common) / static_cast<double>(n_expected);
  return 2 * precision * recall / (precision + recall);
}

std::map<Words, size_t> n_grams(const Words& words, size_t n) {
  std::map<Words, size_t> counts;
  for (size_t end = n; end <= words.size(); ++end) {
    ++counts[Words(words.begin() + static_cast<std::ptrdiff_t>(end - n),
                   words.begin() + static_cast<std::ptrdiff_t>(end))];
  }
  return counts;
}

size_t total(const std::map<Words, size_t>& counts) {
  size_t sum = 0;
  for (const auto& [words, count] : counts) sum += count;
  return sum;
}

std::vector<Words> lines_of(std::string_view text, bool stem) {
  std::vector<Words> lines;
  for (const std::string& line : split_at(text, '\n')) {
    if (!line.empty()) lines.push_back(tokens_of(line, stem));
  }
  return lines;
}

// Indices into `reference` of one common subsequence: back in the prediction only if strictly better.
void add_common_indices(const Words& reference, const Words& predicted, std::set<size_t>& indices) {
  const CommonLengths lengths(reference, predicted);
  size_t i = reference.size();
  size_t j = predicted.size();
  while (i > 0 && j > 0) {
    if (reference[i - 1] == predicted[j - 1]) {
      indices.insert(i - 1);
      --i;
      --j;
    } else if (lengths.at(i, j - 1) > lengths.at(i - 1, j)) {
      --j;
    } else {
      --i;
    }
  }
}

// Words and how often they are there.
std::map<std::string, size_t> word_counts(const std::vector<Words>& lines, size_t& n_words) {
  std::map<std::string, size_t> counts;
  n_words = 0;
  for (const Words& line : lines) {
    n_words += line.size();
    for (const std::string& word : line) ++counts[word];
  }
  return counts;
}

}  // namespace

double google_rouge_n(std::string_view prediction, std::string_view reference, size_t n, bool stem) {
  const auto predicted = n_grams(tokens_of(prediction, stem), n);
  const auto expected = n_grams(tokens_of(reference, stem), n);
  size_t n_common = 0;
  for (const auto& [words, count] : expected) {
    const auto found = predicted.find(words);
    if (found != predicted.end()) n_common += std::min(count, found->second);
  }
  return f_measure(n_common, total(predicted), total(expected));
}

double google_rouge_l(std::string_view prediction, std::string_view reference, bool stem) {
  const Words predicted = tokens_of(prediction, stem);
  const Words expected = tokens_of(reference, stem);
  return f_measure(CommonLengths(expected, predicted).length(), predicted.size(), expected.size());
}

double google_rouge_l_sum(std::string_view prediction, std::string_view reference, bool stem) {
  const auto predicted = lines_of(prediction, stem);
  const auto expected = lines_of(reference, stem);
  size_t n_predicted = 0;
  size_t n_expected = 0;
  auto predicted_left = word_counts(predicted, n_predicted);
  auto expected_left = word_counts(expected, n_expected);
  size_t n_hits = 0;
  for (const Words& line : expected) {
    std::set<size_t> indices;
    for (const Words& other : predicted) add_common_indices(line, other, indices);
    for (const size_t index : indices) {
      size_t& in_prediction = predicted_left[line[index]];
      size_t& in_reference = expected_left[line[index]];
      if (in_prediction == 0 || in_reference == 0) continue;
      --in_prediction;
      --in_reference;
      ++n_hits;
    }
  }
  return f_measure(n_hits, n_predicted, n_expected);
}

}  // namespace proxima
