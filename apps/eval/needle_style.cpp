// SPDX-License-Identifier: MIT
#include "apps/eval/needle_style.h"

#include <algorithm>
#include <array>

#include "apps/eval/prompt_template.h"
#include "apps/eval/word_lists.h"
#include "core/error.h"

namespace proxima {
namespace {

constexpr std::array<std::string_view, 5> kNames = {"book", "list", "note", "plain", "toy"};

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

NeedleStyle list_style() {
  NeedleStyle style = note_style();
  style.needle = "Note {letter} {name} {value}.";
  style.question = "List all notes.";
  style.answer = style.needle;
  style.end = " Note {letter} none.";
  return style;
}

std::span<const std::string_view> needle_style_names() {
  return kNames;
}

NeedleStyle needle_style(std::string_view name) {
  if (name == "book") return book_style();
  if (name == "list") return list_style();
  if (name == "toy") return toy_style();
  if (name == "note") return note_style();
  return plain_style();
}

std::string random_name(const NeedleStyle& style, RandomStream& random) {
  return style.n_syllables == 0 ? random_thing(random) : random_name(random, style.n_syllables);
}

std::string with_fact(const std::string& text, size_t place, const std::string& name, const std::string& value) {
  const std::string letter(1, static_cast<char>('A' + std::min(place, kMostLettered)));
  if (place >= kMostLettered && text.find("{letter}") != text.npos) {
    fail(ErrorKind::kUsage, "{{letter}} tells {} facts of a document apart, not more", kMostLettered);
  }
  return fill_template(text, {{"letter", letter}, {"name", name}, {"value", value}}, "needle").text;
}

}  // namespace proxima
