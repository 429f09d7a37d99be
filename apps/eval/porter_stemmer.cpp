// SPDX-License-Identifier: MIT
#include "apps/eval/porter_stemmer.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace proxima {
namespace {

using Text = std::string_view;

constexpr std::array<std::pair<Text, Text>, 16> kIrregular = {{{"sky", "sky"},
                                                               {"skies", "sky"},
                                                               {"dying", "die"},
                                                               {"lying", "lie"},
                                                               {"tying", "tie"},
                                                               {"news", "news"},
                                                               {"innings", "inning"},
                                                               {"inning", "inning"},
                                                               {"outings", "outing"},
                                                               {"outing", "outing"},
                                                               {"cannings", "canning"},
                                                               {"canning", "canning"},
                                                               {"howe", "howe"},
                                                               {"proceed", "proceed"},
                                                               {"exceed", "exceed"},
                                                               {"succeed", "succeed"}}};

bool is_consonant(Text word, size_t index) {
  const char letter = word[index];
  if (Text("aeiou").find(letter) != Text::npos) return false;
  return letter != 'y' || index == 0 || !is_consonant(word, index - 1);
}

// m: how often a run of vowels is followed by a run of consonants.
size_t measure(Text stem) {
  size_t count = 0;
  for (size_t i = 1; i < stem.size(); ++i) {
    if (is_consonant(stem, i) && !is_consonant(stem, i - 1)) ++count;
  }
  return count;
}

bool has_vowel(Text stem) {
  for (size_t i = 0; i < stem.size(); ++i) {
    if (!is_consonant(stem, i)) return true;
  }
  return false;
}

bool ends_in_double_consonant(Text word) {
  const size_t n = word.size();
  return n >= 2 && word[n - 1] == word[n - 2] && is_consonant(word, n - 1);
}

// *o, and in NLTK a vowel and a consonant alone.
bool ends_cvc(Text word) {
  const size_t n = word.size();
  if (n >= 3 && is_consonant(word, n - 3) && !is_consonant(word, n - 2) && is_consonant(word, n - 1)) {
    return Text("wxy").find(word[n - 1]) == Text::npos;
  }
  return n == 2 && !is_consonant(word, 0) && is_consonant(word, 1);
}

struct Rule {
  Text suffix;
  Text replacement;
};

// The first rule whose suffix fits decides: it is applied if the stem's measure exceeds `least`, and no other is tried.
std::string apply(Text word, std::span<const Rule> rules, size_t least) {
  for (const Rule& rule : rules) {
    if (!word.ends_with(rule.suffix)) continue;
    const Text stem = word.substr(0, word.size() - rule.suffix.size());
    return measure(stem) > least ? std::string(stem).append(rule.replacement) : std::string(word);
  }
  return std::string(word);
}

std::string plural(Text word) {
  if (word.ends_with("ies")) return std::string(word.substr(0, word.size() - (word.size() == 4 ? 1 : 2)));
  if (word.ends_with("sses")) return std::string(word.substr(0, word.size() - 2));
  if (word.ends_with("s") && !word.ends_with("ss")) return std::string(word.substr(0, word.size() - 1));
  return std::string(word);
}

std::string repaired(std::string stem) {
  if (stem.ends_with("at") || stem.ends_with("bl") || stem.ends_with("iz")) return stem + 'e';
  if (ends_in_double_consonant(stem)) {
    if (Text("lsz").find(stem.back()) == Text::npos) stem.pop_back();
    return stem;
  }
  return measure(stem) == 1 && ends_cvc(stem) ? stem + 'e' : stem;
}

std::string past_or_progressive(Text word) {
  if (word.ends_with("ied")) return std::string(word.substr(0, word.size() - (word.size() == 4 ? 1 : 2)));
  if (word.ends_with("eed")) {
    return std::string(word.substr(0, word.size() - (measure(word.substr(0, word.size() - 3)) > 0 ? 1 : 0)));
  }
  for (const Text suffix : {Text("ed"), Text("ing")}) {
    if (!word.ends_with(suffix)) continue;
    const Text stem = word.substr(0, word.size() - suffix.size());
    if (has_vowel(stem)) return repaired(std::string(stem));
  }
  return std::string(word);
}

std::string final_y(std::string word) {
  if (word.ends_with('y') && word.size() > 2 && is_consonant(word, word.size() - 2)) word.back() = 'i';
  return word;
}

std::string double_suffix(Text word) {
  static constexpr std::array<Rule, 21> kRules = {
      {{"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"}, {"anci", "ance"}, {"izer", "ize"},
       {"bli", "ble"},     {"alli", "al"},     {"entli", "ent"}, {"eli", "e"},     {"ousli", "ous"},
       {"ization", "ize"}, {"ation", "ate"},   {"ator", "ate"},  {"alism", "al"},  {"iveness", "ive"},
       {"fulness", "ful"}, {"ousness", "ous"}, {"aliti", "al"},  {"iviti", "ive"}, {"biliti", "ble"},
       {"fulli", "ful"}}};
  if (word.ends_with("alli") && measure(word.substr(0, word.size() - 4)) > 0) {
    return double_suffix(word.substr(0, word.size() - 2));
  }
  // The l belongs to the stem whose measure counts.
  if (word.ends_with("logi"))
    return std::string(word.substr(0, word.size() - (measure(word.substr(0, word.size() - 3)) > 0 ? 1 : 0)));
  return apply(word, kRules, 0);
}

std::string short_suffix(Text word) {
  static constexpr std::array<Rule, 7> kRules = {
      {{"icate", "ic"}, {"ative", ""}, {"alize", "al"}, {"iciti", "ic"}, {"ical", "ic"}, {"ful", ""}, {"ness", ""}}};
  return apply(word, kRules, 0);
}

std::string bare_suffix(Text word) {
  static constexpr std::array<Rule, 20> kRules = {
      {{"al", ""},  {"ance", ""},  {"ence", ""}, {"er", ""},  {"ic", ""},    {"able", ""},  {"ible", ""},
       {"ant", ""}, {"ement", ""}, {"ment", ""}, {"ent", ""}, {"sion", "s"}, {"tion", "t"}, {"ou", ""},
       {"ism", ""}, {"ate", ""},   {"iti", ""},  {"ous", ""}, {"ive", ""},   {"ize", ""}}};
  for (const Rule& rule : kRules) {
    if (!word.ends_with(rule.suffix)) continue;
    // (*S or *T) ion: the letter before stays and counts.
    const Text stem = word.substr(0, word.size() - rule.suffix.size() + rule.replacement.size());
    return std::string(measure(stem) > 1 ? stem : word);
  }
  return std::string(word);
}

std::string final_e(Text word) {
  if (!word.ends_with('e')) return std::string(word);
  const Text stem = word.substr(0, word.size() - 1);
  const size_t m = measure(stem);
  return std::string(m > 1 || (m == 1 && !ends_cvc(stem)) ? stem : word);
}

std::string double_l(Text word) {
  const bool shortened = word.ends_with("ll") && measure(word.substr(0, word.size() - 1)) > 1;
  return std::string(word.substr(0, word.size() - (shortened ? 1 : 0)));
}

}  // namespace

std::string porter_stem(std::string_view word) {
  const auto irregular = std::ranges::find(kIrregular, word, &std::pair<Text, Text>::first);
  if (irregular != kIrregular.end()) return std::string(irregular->second);
  if (word.size() <= 2) return std::string(word);
  const std::string inflected = final_y(past_or_progressive(plural(word)));
  return double_l(final_e(bare_suffix(short_suffix(double_suffix(inflected)))));
}

}  // namespace proxima
