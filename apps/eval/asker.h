// SPDX-License-Identifier: MIT
// Questions about one document under one cache, answered greedily; the document is read once where the cache allows it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/prompt.h"
#include "apps/session.h"
#include "model/generator.h"

namespace CLI {
class App;
}

namespace proxima {

// Whether a cache that selects at the end of the prompt has seen the question by then: kQuestion: it is part of the
// prompt; kContext: the prompt ends with the context, and the question's tokens follow one at a time.
enum class SelectWith { kQuestion, kContext };
std::string_view select_with_name(SelectWith select_with);
void add_select_with_option(CLI::App& app, SelectWith& select_with);

struct Question {
  std::vector<TokenId> ids;  // context and question
  size_t n_context = 0;      // the first of them are the context
};

// A prompt of `text`, whose first context_bytes bytes are the context, in the model's chat template where the writer
// has one; `answer_begin` follows the template. Throws Error(kUsage) where the template changes the context.
Question make_question(const Session& session, const Tokenizer& tokenizer, const PromptWriter& writer,
                       const std::string& text, size_t context_bytes, const std::string& answer_begin = "");

struct AnswerRules {
  size_t n_predict = 32;
  bool stop_at_newline = false;  // the text ends before it
  size_t n_at_least = 0;         // tokens before anything may stop it
};

struct AskedAnswer {
  std::string text;
  StopReason reason = StopReason::kLength;
  size_t n_prompt = 0;
  size_t n_generated = 0;
  CacheBytes kv;        // at the end
  size_t kv_dense = 0;  // what the dense cache would keep
  double prompt_seconds = 0;
  double generate_seconds = 0;
};

class Asker {
 public:
  Asker(const Session& session, const Tokenizer& tokenizer, SelectWith select_with);

  // All questions have the same context. `what` names it in messages. Throws Error(kInterrupt) where the user
  // interrupts, and Error(kContext) or Error(kMemory) where a question does not fit.
  std::vector<AskedAnswer> ask(const std::string& what, const std::vector<Question>& questions,
                               const AnswerRules& rules) const;

 private:
  bool can_go_on_from(size_t n_shared) const;
  void read(Job& job, Generator& generator, const std::string& what, std::span<const TokenId> ids,
            size_t n_to_follow) const;
  void continue_text(Generator& generator, const AnswerRules& rules, AskedAnswer& answer) const;

  const Session& session_;
  const Tokenizer& tokenizer_;
  SelectWith select_with_;
  std::vector<TokenId> ends_;
};

// What a result records of an answer: text, tokens, KV bytes, seconds.
nlohmann::ordered_json to_json(const AskedAnswer& answer);

}  // namespace proxima
