// SPDX-License-Identifier: MIT
// What `run` and `summarize` share: a model opened to answer prompts one after the other, each by itself.
#pragma once

#include <string>
#include <vector>

#include "apps/answer.h"
#include "apps/generation.h"
#include "apps/prompt.h"
#include "apps/session.h"
#include "model/cache_file.h"

namespace proxima {

struct AnswerOptions {
  CommonOptions common;
  PromptOptions prompt;
  GenerationOptions generation;
};

void declare_answering(CLI::App& app, AnswerOptions& options);

struct Prompt {
  std::string name;  // one line
  std::vector<TokenId> ids;
  size_t n_truncated = 0;  // tokens cut from the document on request
};

class Answerer {
 public:
  // Opens the model. Throws Error(kUsage) for generation flags that mean nothing, before that.
  Answerer(const CommonOptions& common, const GenerationOptions& generation);

  const Session& session() const { return session_; }
  const Tokenizer& tokenizer() const { return tokenizer_; }
  const GenerationOptions& generation() const { return generation_; }

  // Checks that all prompts fit, before the first one is read for minutes or hours, then reads and continues each, text
  // going to standard output as it comes. Where `saved` is given, its tokens begin every prompt and are not read again.
  // Throws Error(kInterrupt) where the user interrupted, once what was written so far has been accounted for.
  void answer(const std::vector<Prompt>& prompts, const std::string& advice = "", const CacheFile* saved = nullptr);

 private:
  Answer answer_one(const Job& job, const Prompt& prompt, size_t n_cached);
  void generate(Generator& generator, Observer* observer, Answer& result);
  void deliver(const Job& job, const Answer& result);

  GenerationOptions generation_;
  Session session_;
  Tokenizer tokenizer_;
};

}  // namespace proxima
