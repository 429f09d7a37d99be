// SPDX-License-Identifier: MIT
#include "apps/run.h"

#include <CLI/CLI.hpp>
#include <array>
#include <bit>
#include <chrono>

#include "apps/interrupt.h"
#include "apps/option_values.h"
#include "apps/text_output.h"
#include "core/error.h"
#include "model/finite_observer.h"

namespace proxima {
namespace {

constexpr std::array<std::string_view, 4> kProgressModes = {"auto", "plain", "json", "none"};

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

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// False if the user interrupted.
bool read_prompt(const Session& session, Generator& generator, const KvCache& cache, std::span<const TokenId> ids,
                 const GenerationOptions& options, Observer* observer, Answer& result) {
  const Stopwatch watch;
  const bool silent = session.options().quiet && options.progress == ProgressMode::kAuto;
  ProgressReporter reporter(silent ? ProgressMode::kNone : options.progress, result.what, ids.size(),
                            ReadingEstimate(attention_share(session.model().config)));
  try {
    const auto report = [&](const Progress& progress) {
      result.reading = cache.total_bytes();
      result.n_read = progress.done;
      reporter.update(progress.done);
      return !interrupted();
    };
    generator.read_prompt(ids, options.n_predict, report, observer);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kInterrupt) throw;
    result.reason = StopReason::kInterrupted;
  }
  result.prompt_seconds = watch.seconds();
  return result.reason != StopReason::kInterrupted;
}

void generate(Generator& generator, const Tokenizer& tokenizer, std::span<const TokenId> ends,
              const GenerationOptions& options, Observer* observer, Answer& result) {
  const bool stream = !options.json && !options.no_stream;
  const auto put = [&](const std::string& text) {
    result.text += text;
    if (stream) write_output(text);
  };
  Sampler sampler(options.sampler);
  StreamingDecoder decoder(tokenizer);
  LogitsDigest digest;
  const Stopwatch watch;
  const auto emit = [&](TokenId id) {
    digest.add(generator.logits());
    ++result.n_generated;
    put(decoder.push(id));
    return !interrupted();
  };
  result.reason = generator.generate(options.n_predict, sampler, ends, emit, observer);
  result.generate_seconds = watch.seconds();
  if (result.reason == StopReason::kEndToken) digest.add(generator.logits());
  put(decoder.flush());
  result.digest = digest.text();
}

}  // namespace

void declare_generation(CLI::App& app, GenerationOptions& options) {
  add_count(app, "-n,--predict,--n-predict,--max-tokens", options.n_predict, "tokens to generate at most");
  app.add_option("--temp,--temperature", options.sampler.temperature, "0 is greedy")->capture_default_str();
  add_count(app, "--top-k", options.sampler.top_k, "sample among the N most probable tokens, 0: all");
  app.add_option("--top-p", options.sampler.top_p, "sample among the tokens that make up this mass")
      ->capture_default_str();
  app.add_option("--min-p", options.sampler.min_p, "sample among tokens at least so probable, relative to the best")
      ->capture_default_str();
  const auto set_seed = [&options](const std::string& text) {
    options.sampler.seed = parse_count("--seed", text, 0, UINT64_MAX);
  };
  app.add_option_function<std::string>("-s,--seed", set_seed, "of sampling")->type_name("N")->default_str("0");
  app.add_flag("--json", options.json, "one JSON object a document on standard output");
  app.add_flag("--no-stream", options.no_stream, "write the text when it is complete");
  const auto set_progress = [&options](size_t index) { options.progress = static_cast<ProgressMode>(index); };
  add_check_finite_option(app, options.check_finite);
  add_choice(app, "--progress", kProgressModes, set_progress, "on standard error, while the prompt is read", "auto");
}

void check_generation(const GenerationOptions& options) {
  const SamplerOptions& sampler = options.sampler;
  const Sampler checked(sampler);
  if (sampler.temperature == 0 && (sampler.top_k != 0 || sampler.top_p != 1 || sampler.min_p != 0)) {
    fail(ErrorKind::kUsage, "--top-k, --top-p and --min-p have no effect without --temp above 0");
  }
  if (options.json && options.no_stream) fail(ErrorKind::kUsage, "--no-stream has no effect with --json");
}

Answer answer(const Session& session, const Tokenizer& tokenizer, Job& job, const std::string& what,
              std::span<const TokenId> ids, const GenerationOptions& options) {
  Answer result;
  result.what = what;
  result.n_prompt = ids.size();
  result.sampler = options.sampler;
  Generator generator(*job.transformer, *job.cache);
  FiniteCheck finite_check;
  Observer* observer = options.check_finite ? &finite_check : nullptr;
  if (read_prompt(session, generator, *job.cache, ids, options, observer, result)) {
    generate(generator, tokenizer, end_ids(session.model(), tokenizer), options, observer, result);
  }
  result.kv = job.cache->total_bytes();
  result.kv_tokens = job.cache->n_tokens();
  result.kv_dense =
      planned_cache_bytes({}, job.cache->geometry(), job.cache->capacity(), result.kv_tokens, CachePhase::kAfterPrompt)
          .logical;
  return result;
}

void deliver(const Session& session, const Job& job, const Answer& result, const GenerationOptions& options) {
  if (options.json) {
    write_output(answer_json(session, result));
  } else {
    if (options.no_stream) write_output(result.text);
    if (!result.text.empty() && result.text.back() != '\n') write_output("\n");
  }
  print_statistics(session, job, result);
  if (result.reason == StopReason::kInterrupted) fail(ErrorKind::kInterrupt, "interrupted");
}

void declare_run(CLI::App& app, RunOptions& options) {
  add_model_options(app, options.common);
  declare_prompt(app, options.prompt);
  declare_generation(app, options.generation);
  add_precision_options(app, options.common);
  add_simd_option(app, options.common);
  add_cache_options(app, options.common);
  add_force_option(app, options.common);
  app.footer(
      "Text piped in is the document, unless -f names one.\n"
      "Examples: proxima run -m DIR -f report.txt -p 'What was decided?' -n 200\n"
      "          pdftotext paper.pdf - | proxima run -m DIR -p 'What is new here?' --cache pod --map map.json");
}

void run(const RunOptions& options) {
  check_generation(options.generation);
  std::string document;
  for (const Document& part : read_documents(options.prompt.files)) document = join_texts(document, part.text);
  const std::string instruction = instruction_of(options.prompt);
  if (document.empty() && instruction.empty())
    fail(ErrorKind::kUsage, "the prompt is empty; give -p TEXT, -f FILE or pipe a text in");

  const Session session(options.common);
  const PromptWriter writer(options.prompt, session.model().dir);
  const Tokenizer tokenizer = Tokenizer::open(session.model().dir);
  const auto ids = encode_prompt(session.model(), tokenizer, writer.write(document, instruction));
  Job job = session.start("prompt", ids.size(), options.generation.n_predict);
  const Answer result = answer(session, tokenizer, job, "prompt", ids, options.generation);
  deliver(session, job, result, options.generation);
}

}  // namespace proxima
