// SPDX-License-Identifier: MIT
#include "apps/answering.h"

#include <CLI/CLI.hpp>
#include <bit>

#include "apps/interrupt.h"
#include "apps/reading.h"
#include "apps/text_output.h"
#include "core/error.h"
#include "model/finite_observer.h"

namespace proxima {
namespace {

// 64-bit FNV-1a over the bits of the logits, eight bytes a step.
class LogitsDigest {
 public:
  void add(std::span<const double> logits) {
    for (const double value : logits) hash_ = (hash_ ^ std::bit_cast<uint64_t>(value)) * 0x100000001B3U;
  }
  std::string text() const { return fmt::format("{:016x}", hash_); }

 private:
  uint64_t hash_ = 0xCBF29CE484222325U;
};

const GenerationOptions& checked(const GenerationOptions& options) {
  check_generation(options);
  return options;
}

}  // namespace

void declare_answering(CLI::App& app, AnswerOptions& options) {
  add_model_options(app, options.common);
  declare_prompt(app, options.prompt);
  declare_generation(app, options.generation);
  add_check_finite_option(app, options.common);
  add_sequence_options(app, options.common);
}

Answerer::Answerer(const CommonOptions& common, const GenerationOptions& generation)
    : generation_(checked(generation)), session_(common), tokenizer_(Tokenizer::open(session_.model().dir)) {}

void Answerer::answer(const std::vector<Prompt>& prompts, const std::string& advice, const CacheFile* saved) {
  for (const Prompt& prompt : prompts) {
    session_.check(prompt.name, prompt.ids.size(), generation_.n_predict, advice);
  }
  for (const Prompt& prompt : prompts) {
    if (prompts.size() > 1 && !generation_.json) write_output(fmt::format("==> {} <==\n", prompt.name));
    const Job job = session_.start(prompt.name, prompt.ids.size(), generation_.n_predict);
    if (saved != nullptr) saved->restore(*job.cache);
    deliver(job, answer_one(job, prompt, job.cache->n_tokens()));
  }
}

Answer Answerer::answer_one(const Job& job, const Prompt& prompt, size_t n_cached) {
  Answer result;
  result.what = prompt.name;
  result.n_prompt = prompt.ids.size();
  result.n_truncated = prompt.n_truncated;
  result.n_cached = n_cached;
  result.cache_settings = cache_settings_text(job.choice);
  result.sampler = generation_.sampler;
  Generator generator(*job.transformer, *job.cache);
  FiniteCheck finite_check;
  Observer* observer = session_.options().check_finite ? &finite_check : nullptr;
  const Reading reading = read_prompt(session_, job, generator, prompt.name, std::span(prompt.ids).subspan(n_cached),
                                      generation_.n_predict, generation_.progress, observer);
  result.n_read = reading.n_read;
  result.prompt_seconds = reading.seconds;
  result.reading = reading.bytes;
  result.reason = StopReason::kInterrupted;
  if (!reading.interrupted) generate(generator, observer, result);
  result.kv = job.cache->total_bytes();
  if (const SkipGate* gate = job.cache->skip_gate()) result.skips = gate->counts();
  result.kv_tokens = job.cache->n_tokens();
  result.kv_dense =
      planned_cache_bytes({}, job.cache->geometry(), job.cache->capacity(), result.kv_tokens, CachePhase::kAfterPrompt)
          .logical;
  return result;
}

void Answerer::generate(Generator& generator, Observer* observer, Answer& result) {
  const bool stream = !generation_.json && !generation_.no_stream;
  const auto put = [&](const std::string& text) {
    result.text += text;
    if (stream) write_output(text);
  };
  Sampler sampler(generation_.sampler);
  StreamingDecoder decoder(tokenizer_);
  LogitsDigest digest;
  const Stopwatch watch;
  const auto emit = [&](TokenId id) {
    digest.add(generator.logits());
    ++result.n_generated;
    put(decoder.push(id));
    return !interrupted();
  };
  result.reason =
      generator.generate(generation_.n_predict, sampler, end_ids(session_.model(), tokenizer_), emit, observer);
  result.generate_seconds = watch.seconds();
  if (result.reason == StopReason::kEndToken) digest.add(generator.logits());
  put(decoder.flush());
  result.digest = digest.text();
}

void Answerer::deliver(const Job& job, const Answer& result) {
  if (generation_.json) {
    write_output(answer_json(session_, result));
  } else {
    if (generation_.no_stream) write_output(result.text);
    if (!result.text.empty() && result.text.back() != '\n') write_output("\n");
  }
  print_statistics(session_, job, result);
  if (result.reason == StopReason::kInterrupted) fail(ErrorKind::kInterrupt, "interrupted");
}

}  // namespace proxima
