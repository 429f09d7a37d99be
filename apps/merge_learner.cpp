// SPDX-License-Identifier: MIT
#include "apps/merge_learner.h"

#include <algorithm>
#include <cctype>
#include <map>

namespace proxima {
namespace {

using Pair = std::pair<std::string, std::string>;

struct Word {
  std::vector<std::string> tokens;
  size_t count;
};

bool is_letter(char byte) {
  return std::isalpha(static_cast<unsigned char>(byte)) != 0;
}

// Runs of letters, each with the space before it; merges do not cross them. Everything else stays single bytes.
std::vector<Word> words_of(std::string_view text) {
  std::map<std::string, size_t> counts;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = begin + 1;
    if (is_letter(text[begin]) || (text[begin] == ' ' && end < text.size() && is_letter(text[end]))) {
      while (end < text.size() && is_letter(text[end])) ++end;
      ++counts[std::string(text.substr(begin, end - begin))];
    }
    begin = end;
  }
  std::vector<Word> words;
  for (const auto& [word, count] : counts) {
    words.push_back({{}, count});
    for (const char byte : word) words.back().tokens.emplace_back(1, byte);
  }
  return words;
}

void merge(Word& word, const Pair& pair) {
  std::vector<std::string> merged;
  for (size_t i = 0; i < word.tokens.size(); ++i) {
    const bool here = i + 1 < word.tokens.size() && word.tokens[i] == pair.first && word.tokens[i + 1] == pair.second;
    merged.push_back(here ? pair.first + pair.second : word.tokens[i]);
    if (here) ++i;
  }
  word.tokens = std::move(merged);
}

}  // namespace

std::vector<Pair> learn_merges(std::string_view text, size_t max_merges) {
  std::vector<Word> words = words_of(text);
  std::vector<Pair> merges;
  while (merges.size() < max_merges) {
    std::map<Pair, size_t> counts;
    for (const Word& word : words) {
      for (size_t i = 1; i < word.tokens.size(); ++i) counts[{word.tokens[i - 1], word.tokens[i]}] += word.count;
    }
    const auto best = std::ranges::max_element(counts, {}, [](const auto& counted) { return counted.second; });
    if (best == counts.end() || best->second < 2) break;
    merges.push_back(best->first);
    for (Word& word : words) merge(word, best->first);
  }
  return merges;
}

}  // namespace proxima
