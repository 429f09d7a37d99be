// SPDX-License-Identifier: MIT
#include "apps/eval/asker.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>

#include "apps/eval/snapshot.h"
#include "apps/interrupt.h"
#include "apps/option_values.h"
#include "apps/reading.h"
#include "core/error.h"

namespace proxima {
namespace {

constexpr std::array<std::string_view, 2> kSelectWith = {"question", "context"};

// How many first tokens all questions have in common, contexts only.
size_t shared_context(const std::vector<Question>& questions) {
  const Question& first = questions.front();
  size_t n_shared = first.n_context;
  for (const Question& question : questions) {
    const auto differs = std::ranges::mismatch(first.ids, question.ids).in1 - first.ids.begin();
    n_shared = std::min({n_shared, question.n_context, static_cast<size_t>(differs)});
  }
  return n_shared;
}

void check_interrupt() {
  if (interrupted()) fail(ErrorKind::kInterrupt, "interrupted");
}

}  // namespace

std::string_view select_with_name(SelectWith select_with) {
  return kSelectWith[static_cast<size_t>(select_with)];
}

void add_select_with_option(CLI::App& app, SelectWith& select_with) {
  const auto set = [&select_with](size_t index) { select_with = static_cast<SelectWith>(index); };
  add_choice(app, "--select-with", kSelectWith, set,
             "what a cache has seen when it selects: the question too, or only the context", "question");
}

Question make_question(const Session& session, const Tokenizer& tokenizer, const PromptWriter& writer,
                       const std::string& text, size_t context_bytes, const std::string& answer_begin) {
  PromptText prompt = writer.write(text, "");
  if (prompt.document_end - prompt.document_begin != text.size()) {
    fail(ErrorKind::kUsage,
         "the chat template changes the text, so that context and question cannot be told apart; "
         "try --raw");
  }
  PromptText context = prompt;
  context.text.resize(prompt.document_begin + context_bytes);
  prompt.text += answer_begin;
  Question question{encode_prompt(session.model(), tokenizer, prompt), 0};
  const auto context_ids = tokenizer.encode(context.text, context.encoding);
  question.n_context = static_cast<size_t>(std::ranges::mismatch(question.ids, context_ids).in1 - question.ids.begin());
  return question;
}

Asker::Asker(const Session& session, const Tokenizer& tokenizer, SelectWith select_with)
    : session_(session), tokenizer_(tokenizer), select_with_(select_with), ends_(end_ids(session.model(), tokenizer)) {}

// Whether a prompt read in two parts is the same as one read whole: not where the end of the first part selects, nor
// where the rotation depends on the prompt's length.
bool Asker::can_go_on_from(size_t n_shared) const {
  const CacheKind kind = session_.request().cache.kind;
  const bool keeps_everything = kind == CacheKind::kDense || kind == CacheKind::kPod || kind == CacheKind::kCla;
  return n_shared > 0 && keeps_everything && rotation_limit(session_.model().config, n_shared) == SIZE_MAX;
}

void Asker::read(Job& job, Generator& generator, const std::string& what, std::span<const TokenId> ids,
                 size_t n_to_follow) const {
  const Reading reading = read_prompt(session_, job, generator, what, ids, n_to_follow, ProgressMode::kAuto, nullptr);
  if (reading.interrupted) fail(ErrorKind::kInterrupt, "interrupted");
}

std::vector<AskedAnswer> Asker::ask(const std::string& what, const std::vector<Question>& questions,
                                    const AnswerRules& rules) const {
  size_t n_longest = 0;
  for (const Question& question : questions) n_longest = std::max(n_longest, question.ids.size());
  const bool context_first = select_with_ == SelectWith::kContext;
  size_t n_shared = shared_context(questions);
  for (const Question& question : questions) n_shared = std::min(n_shared, question.ids.size() - 1);
  if (context_first && n_shared == 0) {
    fail(ErrorKind::kUsage, "{} has no context before the question; use --select-with question", what);
  }
  const bool read_once = context_first || (questions.size() > 1 && can_go_on_from(n_shared));

  Job job = session_.start(what, n_longest, rules.n_predict);
  Generator generator(*job.transformer, *job.cache);
  const Stopwatch context_watch;
  std::optional<CacheSnapshot> snapshot;
  if (read_once) {
    read(job, generator, what, std::span(questions.front().ids).first(n_shared),
         n_longest - n_shared + rules.n_predict);
    if (questions.size() > 1) snapshot.emplace(*job.cache);
  }
  const double context_seconds = read_once ? context_watch.seconds() : 0;

  std::vector<AskedAnswer> answers;
  for (const Question& question : questions) {
    const Stopwatch watch;
    const size_t n_there = read_once ? n_shared : 0;
    if (snapshot && !answers.empty()) snapshot->restore(*job.cache);
    if (!read_once) job.cache->clear();
    const auto rest = std::span(question.ids).subspan(n_there);
    if (context_first) {
      for (const TokenId id : rest) {
        check_interrupt();
        generator.take(id);
      }
    } else {
      read(job, generator, what, rest, rules.n_predict);
    }
    AskedAnswer& answer = answers.emplace_back();
    answer.n_prompt = question.ids.size();
    answer.prompt_seconds = watch.seconds() + context_seconds;
    continue_text(generator, rules, answer);
    answer.kv = job.cache->total_bytes();
    answer.kv_dense = planned_cache_bytes({}, job.cache->geometry(), job.cache->capacity(), job.cache->n_tokens(),
                                          CachePhase::kAfterPrompt)
                          .logical;
  }
  return answers;
}

void Asker::continue_text(Generator& generator, const AnswerRules& rules, AskedAnswer& answer) const {
  const Stopwatch watch;
  Sampler greedy({});
  StreamingDecoder decoder(tokenizer_);
  std::vector<double> logits;
  while (answer.n_generated < rules.n_predict) {
    check_interrupt();
    const bool may_stop = answer.n_generated >= rules.n_at_least;
    logits.assign(generator.logits().begin(), generator.logits().end());
    if (!may_stop) {
      for (const TokenId end : ends_) logits.at(end) = -std::numeric_limits<double>::infinity();
    }
    const TokenId id = greedy.pick(logits);
    if (std::ranges::find(ends_, id) != ends_.end()) {
      answer.reason = StopReason::kEndToken;
      break;
    }
    ++answer.n_generated;
    answer.text += decoder.push(id);
    const size_t newline = answer.text.find('\n');
    if (rules.stop_at_newline && may_stop && newline != std::string::npos) {
      answer.text.resize(newline);
      answer.reason = StopReason::kEndToken;
      break;
    }
    if (answer.n_generated < rules.n_predict) generator.take(id);
  }
  if (answer.reason != StopReason::kEndToken || !rules.stop_at_newline) answer.text += decoder.flush();
  answer.generate_seconds = watch.seconds();
}

nlohmann::ordered_json to_json(const AskedAnswer& answer) {
  return {{"response", answer.text},
          {"prompt_tokens", answer.n_prompt},
          {"generated_tokens", answer.n_generated},
          {"kv_bytes", answer.kv.logical},
          {"kv_dense_bytes", answer.kv_dense},
          {"prompt_seconds", answer.prompt_seconds},
          {"generate_seconds", answer.generate_seconds}};
}

}  // namespace proxima
