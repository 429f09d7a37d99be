// SPDX-License-Identifier: MIT
#include "apps/eval/ruler_samples.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>

#include "apps/eval/ruler_niah.h"
#include "apps/eval/word_lists.h"

namespace proxima {
namespace {

constexpr size_t kHops = 4;
constexpr size_t kCommonWords = 10;

std::string random_letters(RandomStream& random, size_t n, char first) {
  std::string text;
  for (size_t i = 0; i < n; ++i) text += static_cast<char>(first + static_cast<int>(random.below(26)));
  return text;
}

// ---- variable tracking --------------------------------------------------------------------------------------------

struct Chain {
  std::string text;
  std::string number;
  std::vector<std::string> names;
};

// One chain of assignments, in order, among n_lines of noise.
Chain make_chain(size_t n_lines, size_t name_letters, RandomStream& random) {
  Chain chain;
  chain.number = random_digits(random, 5);
  while (chain.names.size() <= kHops) {
    const std::string name = random_letters(random, name_letters, 'A');
    if (std::ranges::find(chain.names, name) == chain.names.end()) chain.names.push_back(name);
  }
  auto places = random.distinct(std::max(n_lines, chain.names.size()), chain.names.size());
  std::ranges::sort(places);
  size_t n_used = 0;
  for (size_t line = 0; line < std::max(n_lines, places.back() + 1); ++line) {
    if (n_used < places.size() && places[n_used] == line) {
      chain.text += fmt::format("VAR {} = {}\n", chain.names[n_used],
                                n_used == 0 ? chain.number : "VAR " + chain.names[n_used - 1]);
      ++n_used;
    }
    if (line < n_lines) chain.text += std::string(noise_line()) + "\n";
  }
  return chain;
}

RulerSample variable_tracking(size_t size, size_t length, RandomStream& random) {
  const size_t n_example_lines = length < 4096 ? 1 : 6;
  const std::string_view task =
      "Follow the assignments of variables that are hidden in the text below and remember their values.\n";
  const auto question = [](const Chain& chain) {
    return fmt::format("Question: which variables hold the number {} in the end?", chain.number);
  };
  const auto answer_begin = [](const Chain& chain) {
    return fmt::format(" Answer: {} variables hold the number {}:", kHops + 1, chain.number);
  };
  const Chain example = make_chain(n_example_lines, 3, random);
  const Chain chain = make_chain(size, 5, random);
  RulerSample sample;
  sample.text = std::string(task) + example.text + question(example) + answer_begin(example);
  for (const std::string& name : example.names) sample.text += " " + name;
  sample.text += "\n\n" + std::string(task) + chain.text;
  sample.context_bytes = sample.text.size();
  sample.text += question(chain);
  sample.answer_begin = answer_begin(chain);
  sample.outputs = chain.names;
  return sample;
}

// ---- common and frequent words ------------------------------------------------------------------------------------

// Distinct words: the real ones first, made-up ones where there are not enough.
std::vector<std::string> distinct_words(size_t n, RandomStream& random) {
  std::vector<std::string> words = nouns();
  words.insert(words.end(), adjectives().begin(), adjectives().end());
  words.insert(words.end(), verbs().begin(), verbs().end());
  std::set<std::string> known(words.begin(), words.end());
  while (words.size() < n) {
    std::string made_up = random_name(random, 3 + random.below(2));
    made_up.front() = static_cast<char>(made_up.front() - 'A' + 'a');
    if (known.insert(made_up).second) words.push_back(made_up);
  }
  random.shuffle(words);
  words.resize(n);
  return words;
}

struct WordList {
  std::string text;
  std::vector<std::string> common;
};

WordList numbered_words(size_t n_words, size_t n_common_times, size_t n_other_times, RandomStream& random) {
  const auto words = distinct_words(n_words, random);
  WordList list;
  std::vector<std::string> all;
  for (size_t index = 0; index < words.size(); ++index) {
    const bool is_common = index < kCommonWords;
    if (is_common) list.common.push_back(words[index]);
    all.insert(all.end(), is_common ? n_common_times : n_other_times, words[index]);
  }
  random.shuffle(all);
  for (size_t index = 0; index < all.size(); ++index) {
    list.text += fmt::format("{}{}. {}", index == 0 ? "" : " ", index + 1, all[index]);
  }
  return list;
}

RulerSample common_words(size_t size, size_t length, RandomStream& random) {
  const bool is_short = length < 4096;
  const std::string_view task = "Below is a numbered list of words. Some come more often than others.\n";
  const std::string_view question = "\nQuestion: which are the 10 most common words of the list?";
  const std::string_view answer_begin = " Answer: the 10 most common words are:";
  const WordList example = is_short ? numbered_words(20, 3, 1, random) : numbered_words(40, 10, 3, random);
  const WordList list = numbered_words(std::max(size, kCommonWords), is_short ? 6 : 30, is_short ? 1 : 3, random);
  RulerSample sample;
  sample.text = std::string(task) + example.text + std::string(question) + std::string(answer_begin);
  for (size_t i = 0; i < example.common.size(); ++i) sample.text += fmt::format(" {}. {}", i + 1, example.common[i]);
  sample.text += "\n\n" + std::string(task) + list.text;
  sample.context_bytes = sample.text.size();
  sample.text += question;
  sample.answer_begin = answer_begin;
  sample.outputs = list.common;
  return sample;
}

RulerSample frequent_words(size_t size, size_t length, RandomStream& random) {
  constexpr double kZeta2 = std::numbers::pi * std::numbers::pi / 6;
  std::vector<std::string> vocabulary;
  std::set<std::string> known;
  while (vocabulary.size() < std::max<size_t>(length / 50, 4)) {
    const std::string word = random_letters(random, 6, 'a');
    if (known.insert(word).second) vocabulary.push_back(word);
  }
  std::vector<std::string> all;
  for (size_t rank = 1; rank <= vocabulary.size(); ++rank) {
    const double share = 1 / (static_cast<double>(rank) * static_cast<double>(rank) * kZeta2);
    const auto count = static_cast<size_t>(static_cast<double>(size) * share);
    all.insert(all.end(), count, rank == 1 ? "..." : vocabulary[rank - 1]);
  }
  random.shuffle(all);
  RulerSample sample;
  sample.text = "Below is a coded text. Find the three words that come most often; dots are noise, ignore them.\n";
  for (const std::string& word : all) sample.text += word + " ";
  sample.context_bytes = sample.text.size();
  sample.text += "\nQuestion: which are the three most frequent words of the coded text?";
  sample.answer_begin = " Answer: the three most frequent words are:";
  sample.outputs = {vocabulary[1], vocabulary[2], vocabulary[3]};
  return sample;
}

// ---- questions among documents ------------------------------------------------------------------------------------

RulerSample question_answering(size_t size, size_t index, const RulerSources& sources, RandomStream& random) {
  const RulerQuestion& asked = sources.questions.at(index % sources.questions.size());
  std::vector<std::string> documents = asked.documents;
  for (const size_t place : random.distinct(sources.documents.size(), sources.documents.size())) {
    if (documents.size() >= size) break;
    const std::string& other = sources.documents[place];
    if (std::ranges::find(documents, other) == documents.end()) documents.push_back(other);
  }
  random.shuffle(documents);
  RulerSample sample;
  sample.text = "Answer the question from the documents below, with nothing but the answer.\n\n";
  for (size_t i = 0; i < documents.size(); ++i) {
    sample.text += fmt::format("{}Document {}:\n{}", i == 0 ? "" : "\n\n", i + 1, documents[i]);
  }
  sample.context_bytes = sample.text.size();
  sample.text += "\n\nQuestion: " + asked.question;
  sample.answer_begin = " Answer:";
  sample.outputs = asked.answers;
  return sample;
}

}  // namespace

bool ruler_needs_essay(std::string_view task) {
  return task.starts_with("niah") && niah_task(task).haystack == NiahHaystack::kEssay;
}

bool ruler_any_answer_counts(std::string_view task) {
  return task.starts_with("qa");
}

RulerScale ruler_scale(std::string_view task, size_t length, const RulerSources& sources) {
  if (task.starts_with("niah")) {
    const size_t step = ruler_needs_essay(task) ? 500 : 25;
    // Short contexts need finer steps than the published ones.
    return {128, length < 4096 ? 1 : step, length < 4096 ? step / 25 : step};
  }
  if (task == "vt") return {30, length < 4096 ? 1U : 10U, length < 4096 ? 1U : 10U};
  if (task == "cwe") return {120, kCommonWords, 10};
  if (task == "fwe") return {50, std::max<size_t>(length / 6, 1), std::max<size_t>(length / 32, 1), false};
  return {32, 1, length < 4096 ? 1U : 10U, true, sources.documents.size()};
}

RulerSample ruler_sample(std::string_view task, size_t size, size_t length, size_t index, const RulerSources& sources,
                         RandomStream random) {
  if (task.starts_with("niah")) return niah_sample(niah_task(task), size, sources, random);
  if (task == "vt") return variable_tracking(size, length, random);
  if (task == "cwe") return common_words(size, length, random);
  if (task == "fwe") return frequent_words(size, length, random);
  return question_answering(size, index, sources, random);
}

}  // namespace proxima
