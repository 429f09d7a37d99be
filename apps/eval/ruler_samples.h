// SPDX-License-Identifier: MIT
// RULER's synthetic tasks (arXiv 2404.06654), made anew with our own wording and words: samples of any size.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/eval/random_stream.h"

namespace proxima {

inline constexpr std::array<std::string_view, 13> kRulerTasks = {"niah_single_1",
                                                                 "niah_single_2",
                                                                 "niah_single_3",
                                                                 "niah_multikey_1",
                                                                 "niah_multikey_2",
                                                                 "niah_multikey_3",
                                                                 "niah_multivalue",
                                                                 "niah_multiquery",
                                                                 "vt",
                                                                 "cwe",
                                                                 "fwe",
                                                                 "qa_1",
                                                                 "qa_2"};

struct RulerSample {
  std::string text;
  size_t context_bytes = 0;  // the text up to the question
  std::string answer_begin;  // follows the chat template: the model continues it
  std::vector<std::string> outputs;
};

// A question with the documents that answer it.
struct RulerQuestion {
  std::string question;
  std::vector<std::string> answers;    // any counts
  std::vector<std::string> documents;  // that hold the answer
};
// SQuAD or HotpotQA as their authors publish them, recognised by their keys; `others` gets the documents to mix in.
// Throws Error(kInput) naming file and key.
std::vector<RulerQuestion> read_ruler_questions(const std::string& path, std::vector<std::string>& others);

// What a task draws on.
struct RulerSources {
  std::vector<std::string> essay_words;  // white space normalised
  std::vector<RulerQuestion> questions;  // of a qa task
  std::vector<std::string> documents;    // to hide their documents among
};

// How a task scales.
struct RulerScale {
  size_t n_predict = 128;
  size_t first = 25;       // smallest size tried
  size_t step = 25;        // sizes: first, first + step, ...
  bool reserves = true;    // the answer's tokens count towards the length
  size_t most = SIZE_MAX;  // there is not more to hide things in
};
RulerScale ruler_scale(std::string_view task, size_t length, const RulerSources& sources);
bool ruler_needs_essay(std::string_view task);
bool ruler_any_answer_counts(std::string_view task);  // match_part

// `length`: the token limit, which some tasks take parameters from; `index` chooses the question of a qa task.
RulerSample ruler_sample(std::string_view task, size_t size, size_t length, size_t index, const RulerSources& sources,
                         RandomStream random);

}  // namespace proxima
