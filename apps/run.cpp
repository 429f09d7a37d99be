// SPDX-License-Identifier: MIT
#include "apps/run.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

#include "apps/document_prefix.h"
#include "core/error.h"
#include "core/quote.h"

namespace proxima {
namespace {

std::string joined(const std::vector<Document>& documents) {
  std::string text;
  for (const Document& part : documents) text = join_texts(text, part.text);
  return text;
}

// -p as often as it stands, then the lines of --questions that are not empty; one empty question where there is none.
std::vector<std::string> questions_of(const RunOptions& options) {
  std::vector<std::string> questions = instructions_of(options.prompt);
  if (!options.questions.empty()) {
    std::istringstream lines(read_document(options.questions).text);
    for (std::string line; std::getline(lines, line);) {
      if (line.ends_with('\r')) line.pop_back();
      if (!line.empty()) questions.push_back(line);
    }
    if (questions.empty()) fail(ErrorKind::kUsage, "{} holds no questions", options.questions);
  }
  if (questions.empty()) questions.emplace_back();
  return questions;
}

// What the file was made with, wherever the flags leave it open.
CommonOptions with_settings_of(const CacheFile& file, CommonOptions common) {
  if (common.model.empty()) {
    if (!std::filesystem::exists(file.model_dir())) {
      fail(ErrorKind::kInput, "{}: the model it was saved with is no longer in {}; say with -m where it is",
           file.path().string(), file.model_dir().string());
    }
    common.model = file.model_dir().string();
  }
  if (common.kv_budget) fail(ErrorKind::kUsage, "--kv-budget has no effect with --kv: the file says what is kept");
  common.saved = file.settings();
  return common;
}

void check_settings(const CacheFile& file, const CacheSettings& asked) {
  const CacheSettings& saved = file.settings();
  const auto refuse = [&](const std::string& what, std::string_view own, std::string_view given) {
    fail(ErrorKind::kInput, "{}: was saved with {} {}, not {}; leave the flag out, or prefill again",
         file.path().string(), what, own, given);
  };
  if (saved.precision != asked.precision) {
    refuse("--precision", precision_name(saved.precision), precision_name(asked.precision));
  }
  const auto weights = [](const CacheSettings& settings) { return settings.int8_weights ? "int8" : "stored"; };
  if (saved.int8_weights != asked.int8_weights) refuse("--weights", weights(saved), weights(asked));
  if (saved.key_dtype != asked.key_dtype) refuse("keys in", dtype_name(saved.key_dtype), dtype_name(asked.key_dtype));
  if (saved.value_dtype != asked.value_dtype) {
    refuse("values in", dtype_name(saved.value_dtype), dtype_name(asked.value_dtype));
  }
  if (saved.cache.kind != asked.cache.kind) {
    refuse("--cache", cache_kind_name(saved.cache.kind), cache_kind_name(asked.cache.kind));
  }
  if (saved.cache.map != asked.cache.map) {
    refuse("another sharing map:", sharing_map_text(*saved.cache.map), "this one");
  }
  const std::string own = cache_settings_text(saved.cache), given = cache_settings_text(asked.cache);
  if (own != given) refuse("cache settings", own, given);
}

// The ids must begin with what was saved, and go on.
void check_prefix(const CacheFile& file, const Prompt& prompt) {
  const std::vector<TokenId>& saved = file.prompt().ids;
  const auto agreeing = static_cast<size_t>(std::ranges::mismatch(saved, prompt.ids).in1 - saved.begin());
  if (agreeing == saved.size() && prompt.ids.size() > saved.size()) return;
  fail(ErrorKind::kInput,
       "{}: holds {} tokens, but {} agrees with only the first {} of them; it was saved from another text, template or "
       "system prompt: prefill again",
       file.path().string(), saved.size(), prompt.name, agreeing);
}

void run_saved(const RunOptions& options) {
  const PromptOptions& flags = options.prompt;
  const bool whole = !flags.files.empty();
  if (!whole && (flags.raw || !flags.template_file.empty() || !flags.system.empty() || !flags.system_file.empty())) {
    fail(ErrorKind::kUsage, "--raw, --chat-template-file, -sys and -sysf have no effect on the text that {} holds",
         options.kv);
  }
  const auto questions = questions_of(options);
  const std::string document = whole ? joined(read_documents(flags.files)) : "";
  const CacheFile file(options.kv);
  Answerer answerer(with_settings_of(file, options.common), options.generation);
  const Model& model = answerer.session().model();
  file.check_model(model);
  check_settings(file, answerer.session().cache_settings(answerer.session().request().cache));
  const PromptWriter writer(flags, model.dir);
  std::vector<Prompt> prompts;
  for (const std::string& question : questions) {
    const PromptText text = whole ? writer.write(document, question) : ask(file.prompt(), question);
    prompts.push_back(
        {question.empty() ? "prompt" : quote(question), encode_prompt(model, answerer.tokenizer(), text)});
    check_prefix(file, prompts.back());
  }
  answerer.answer(prompts, "", &file);
}

}  // namespace

void declare_run(CLI::App& app, RunOptions& options) {
  declare_answering(app, options);
  app.add_option("--kv", options.kv, "answer about the document in this file of `prefill`, whose settings then apply")
      ->type_name("FILE");
  app.add_option("--questions", options.questions,
                 "with --kv: one question a line, - is standard input; -p may be repeated too")
      ->type_name("FILE");
  app.footer(
      "Text piped in is the document, unless -f names one. With --kv the file holds the document; each question is\n"
      "answered from the same saved state. A document given with -f besides must begin with the saved tokens.\n"
      "Examples: proxima run -m DIR -f report.txt -p 'What was decided?' -n 200\n"
      "          pdftotext paper.pdf - | proxima run -m DIR -p 'What is new here?' --cache pod --map map.json\n"
      "          proxima run --kv report.kv.safetensors --questions questions.txt --json");
}

void run(const RunOptions& options) {
  if (!options.kv.empty()) return run_saved(options);
  if (!options.questions.empty()) fail(ErrorKind::kUsage, "--questions has no effect without --kv");
  const std::string document = joined(read_documents(options.prompt.files));
  const std::string instruction = instruction_of(options.prompt);
  if (document.empty() && instruction.empty())
    fail(ErrorKind::kUsage, "the prompt is empty; give -p TEXT, -f FILE or pipe a text in");
  Answerer answerer(options.common, options.generation);
  const Model& model = answerer.session().model();
  const PromptWriter writer(options.prompt, model.dir);
  answerer.answer({{"prompt", encode_prompt(model, answerer.tokenizer(), writer.write(document, instruction))}});
}

}  // namespace proxima
