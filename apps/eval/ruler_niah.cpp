// SPDX-License-Identifier: MIT
#include "apps/eval/ruler_niah.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/eval/word_lists.h"

namespace proxima {
namespace {

constexpr std::array<std::string_view, 3> kTypeNames = {"number", "word", "uuid"};
constexpr size_t kDepths = 40;  // linear from 0 to 100, rounded

std::string random_uuid(RandomStream& random) {
  std::string text;
  for (size_t i = 0; i < 32; ++i) {
    if (i == 8 || i == 12 || i == 16 || i == 20) text += '-';
    size_t digit = random.below(16);
    if (i == 12) digit = 4;              // version
    if (i == 16) digit = 8 + digit % 4;  // variant
    text += "0123456789abcdef"[digit];
  }
  return text;
}

std::string random_text(NiahType type, RandomStream& random) {
  switch (type) {
    case NiahType::kNumbers:
      return random_digits(random, 7);
    case NiahType::kWords:
      return random.pick(adjectives()) + "-" + random.pick(nouns());
    case NiahType::kUuids:
      return random_uuid(random);
  }
  return "";
}

std::string needle_text(NiahType type, const std::string& key, const std::string& value) {
  return fmt::format("One of the special magic {}s for {} is: {}.", kTypeNames[static_cast<size_t>(type)], key, value);
}

// "a", "a and b", "a, b, and c"
std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 < words.size() ? ", " : words.size() > 2 ? ", and " : " and ";
    text += words[i];
  }
  return text;
}

std::vector<std::string> sentences_of(const std::vector<std::string>& words, size_t n_words) {
  std::vector<std::string> sentences;
  bool open = false;
  for (size_t i = 0; i < n_words; ++i) {
    const std::string& word = words[i % words.size()];
    if (!open) sentences.emplace_back();
    if (open) sentences.back() += ' ';
    sentences.back() += word;
    open = word.back() != '.' && word.back() != '!' && word.back() != '?';
  }
  return sentences;
}

// The pieces of the haystack with needles before some of them.
std::vector<std::string> with_needles(const std::vector<std::string>& pieces, std::vector<size_t> places,
                                      const std::vector<std::string>& needles) {
  std::ranges::sort(places);
  std::vector<std::string> all;
  size_t n_used = 0;
  for (size_t index = 0; index <= pieces.size(); ++index) {
    for (; n_used < needles.size() && places[n_used] == index; ++n_used) all.push_back(needles[n_used]);
    if (index < pieces.size()) all.push_back(pieces[index]);
  }
  return all;
}

std::string joined(const std::vector<std::string>& pieces, char separator) {
  std::string text;
  for (const std::string& piece : pieces) {
    if (!text.empty()) text += separator;
    text += piece;
  }
  return text;
}

// [n_needles] indexes of pieces.
std::vector<size_t> needle_places(NiahHaystack haystack, size_t n_pieces, size_t n_needles, RandomStream& random) {
  if (haystack != NiahHaystack::kEssay) return random.distinct(std::max(n_pieces, n_needles), n_needles);
  std::vector<size_t> places;
  for (const size_t step : random.distinct(kDepths, n_needles)) {
    const auto depth = static_cast<size_t>(std::lround(100.0 * static_cast<double>(step) / (kDepths - 1)));
    places.push_back(n_pieces * depth / 100);
  }
  return places;
}

std::string context_text(const NiahTask& task, size_t size, const std::vector<std::string>& needles,
                         const RulerSources& sources, RandomStream& random) {
  std::vector<std::string> pieces;
  if (task.haystack == NiahHaystack::kEssay) {
    pieces = sentences_of(sources.essay_words, size);
  } else {
    for (size_t line = 0; line < size; ++line) {
      pieces.push_back(task.haystack == NiahHaystack::kRepeat
                           ? std::string(noise_line())
                           : needle_text(task.value, random_text(task.key, random), random_text(task.value, random)));
    }
  }
  auto places = needle_places(task.haystack, pieces.size(), needles.size(), random);
  for (size_t& place : places) place = std::min(place, pieces.size());
  return joined(with_needles(pieces, places, needles), task.haystack == NiahHaystack::kEssay ? ' ' : '\n');
}

}  // namespace

std::string_view noise_line() {
  return "The rain is soft. The road is long. The lamp is lit. We walk on. There is the gate and here is the wall.";
}

NiahTask niah_task(std::string_view task) {
  using enum NiahHaystack;
  using enum NiahType;
  if (task == "niah_single_1") return {kRepeat, kWords, kNumbers, 1, 1, 1};
  if (task == "niah_single_2") return {kEssay, kWords, kNumbers, 1, 1, 1};
  if (task == "niah_single_3") return {kEssay, kWords, kUuids, 1, 1, 1};
  if (task == "niah_multikey_1") return {kEssay, kWords, kNumbers, 4, 1, 1};
  if (task == "niah_multikey_2") return {kNeedle, kWords, kNumbers, 1, 1, 1};
  if (task == "niah_multikey_3") return {kNeedle, kUuids, kUuids, 1, 1, 1};
  if (task == "niah_multivalue") return {kEssay, kWords, kNumbers, 1, 4, 1};
  return {kEssay, kWords, kNumbers, 4, 1, 4};  // niah_multiquery
}

RulerSample niah_sample(const NiahTask& task, size_t size, const RulerSources& sources, RandomStream& random) {
  std::vector<std::string> keys;
  std::vector<std::vector<std::string>> values;
  std::vector<std::string> needles;
  while (keys.size() < std::max(task.n_keys, task.n_queries)) {
    const std::string key = random_text(task.key, random);
    if (std::ranges::find(keys, key) != keys.end()) continue;
    keys.push_back(key);
    values.emplace_back();
    for (size_t i = 0; i < task.n_values; ++i) {
      values.back().push_back(random_text(task.value, random));
      needles.push_back(needle_text(task.value, key, values.back().back()));
    }
  }
  random.shuffle(needles);
  std::vector<std::string> queried;
  RulerSample sample;
  for (const size_t index : random.distinct(keys.size(), task.n_queries)) {
    queried.push_back(keys[index]);
    sample.outputs.insert(sample.outputs.end(), values[index].begin(), values[index].end());
  }
  const bool single = sample.outputs.size() == 1;
  const std::string type = fmt::format("{}{}", kTypeNames[static_cast<size_t>(task.value)], single ? "" : "s");
  sample.text =
      fmt::format("{} special magic {} {} hidden in the text below. Keep {} in mind; I will ask for {} later.\n",
                  single ? "A" : "Some", type, single ? "is" : "are", single ? "it" : "them", single ? "it" : "them");
  sample.text += context_text(task, size, needles, sources, random);
  sample.context_bytes = sample.text.size();
  sample.text += fmt::format("\nWhich special magic {} does the text name for {}?", type, listed(queried));
  sample.answer_begin =
      fmt::format(" The special magic {} that the text names for {} {}", type, listed(queried), single ? "is" : "are");
  return sample;
}

}  // namespace proxima
