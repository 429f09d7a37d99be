// SPDX-License-Identifier: MIT
#include "apps/eval/rouge_sets.h"

#include <set>
#include <string>
#include <vector>

#include "apps/eval/longest_common.h"
#include "apps/eval/words.h"

namespace proxima {
namespace {

using Sentence = std::vector<std::string>;

std::vector<Sentence> sentences_of(std::string_view text) {
  std::vector<Sentence> sentences;
  for (const std::string& piece : split_at(text, '.')) {
    if (piece.empty()) continue;
    sentences.push_back(split_words(piece));
    if (sentences.back().empty()) sentences.back().emplace_back();
  }
  return sentences;
}

std::set<std::string> distinct_words(const std::vector<Sentence>& sentences) {
  std::set<std::string> distinct;
  for (const Sentence& sentence : sentences) distinct.insert(sentence.begin(), sentence.end());
  return distinct;
}

void add_common(const Sentence& reference, const Sentence& predicted, std::set<std::string>& common) {
  const CommonLengths lengths(reference, predicted);
  size_t i = reference.size();
  size_t j = predicted.size();
  while (i > 0 && j > 0) {
    if (reference[i - 1] == predicted[j - 1]) {
      common.insert(reference[i - 1]);
      --i;
      --j;
    } else if (lengths.at(i - 1, j) > lengths.at(i, j - 1)) {
      --i;
    } else {
      --j;
    }
  }
}

}  // namespace

double longbench_rouge_l(std::string_view prediction, std::string_view reference) {
  const auto predicted = sentences_of(prediction);
  const auto expected = sentences_of(reference);
  if (predicted.empty() || expected.empty()) return 0;
  std::set<std::string> common;
  for (const Sentence& sentence : expected) {
    for (const Sentence& other : predicted) add_common(sentence, other, common);
  }
  const double n_common = static_cast<double>(common.size());
  const double precision = n_common / static_cast<double>(distinct_words(predicted).size());
  const double recall = n_common / static_cast<double>(distinct_words(expected).size());
  return 2 * (precision * recall / (precision + recall + 1e-8));
}

}  // namespace proxima
