// SPDX-License-Identifier: MIT
// The wording of planted facts and of the questions for them: the same for those who train on it and those who measure.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "apps/eval/random_stream.h"

namespace proxima {

// {name} and {value} stand for what each fact draws anew, {letter} for its place among the facts of its document; a
// style without {value} has one fixed fact.
struct NeedleStyle {
  std::string needle;
  std::string before;  // and after: what frames the needle in the text
  std::string after;
  std::string question;
  std::string answer;      // the phrase that must stand in the response
  std::string prompt;      // with {context} and {question}
  size_t n_syllables = 2;  // of a made-up name; 0: names are two plain words
  bool raw = false;        // asked without the chat template
  std::string end = {};    // of an answer that repeats all facts, with the letter after the last one's
};
NeedleStyle toy_style();    // of the model in data/toy
NeedleStyle book_style();   // for models that follow instructions
NeedleStyle plain_style();  // a name beside its value; the bare name asks for it
NeedleStyle note_style();   // a note in the prose, asked for in the chat
NeedleStyle list_style();   // lettered notes, all repeated by one answer

inline constexpr size_t kMostLettered = 26;

// In the folder of a model that was trained here, on list, note and plain.
inline constexpr const char* kTrainingRecord = "training.json";

// Styles by name: book, list, note, plain, toy.
std::span<const std::string_view> needle_style_names();
NeedleStyle needle_style(std::string_view name);  // one of these

std::string random_name(const NeedleStyle& style, RandomStream& random);

// A text of a style with the place (from 0), the name and the value of a fact. Throws Error(kUsage) where letters end.
std::string with_fact(const std::string& text, size_t place, const std::string& name, const std::string& value);

}  // namespace proxima
