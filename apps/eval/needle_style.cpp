// SPDX-License-Identifier: MIT
#include "apps/eval/needle_style.h"

#include <array>

#include "apps/eval/prompt_template.h"
#include "apps/eval/word_lists.h"

namespace proxima {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"book", "note", "plain", "toy"};

}  // namespace

NeedleStyle toy_style() {
  return {"Remember: {name} {value}.",       "", "", "{name}?\nAnswer: {name} ", "{value}",
          "{context}\nQuestion: {question}", 2};
}

NeedleStyle book_style() {
  return {
      "The secret number of {name} is {value}.",
      "\n",
      "\n",
      "What is the secret number of {name}?",
      "{value}",
      "Here is a very long story book. A fact that I will ask for is hidden in it.\n\n<book>\n{context}\n</book>\n\n"
      "Answer from the book alone, as briefly as you can.\nQuestion: {question}\nAnswer:",
      3};
}

NeedleStyle plain_style() {
  return {"{name}{value}.", " ", "", "{name}", "{value}", "{context} {question}", 0, true};
}

NeedleStyle note_style() {
  return {"Note: the number of the {name} is {value}.",
          " ",
          "",
          "What is the number of the {name}?",
          "{value}",
          "{context}\n{question}",
          0};
}

std::span<const std::string_view> needle_style_names() {
  return kNames;
}

NeedleStyle needle_style(std::string_view name) {
  if (name == "book") return book_style();
  if (name == "toy") return toy_style();
  if (name == "note") return note_style();
  return plain_style();
}

std::string random_name(const NeedleStyle& style, RandomStream& random) {
  return style.n_syllables == 0 ? random_thing(random) : random_name(random, style.n_syllables);
}

std::string with_fact(const std::string& text, const std::string& name, const std::string& value) {
  return fill_template(text, {{"name", name}, {"value", value}}, "needle").text;
}

}  // namespace proxima
