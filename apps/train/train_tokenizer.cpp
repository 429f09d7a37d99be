// SPDX-License-Identifier: MIT
#include "apps/train/train_tokenizer.h"

#include <CLI/CLI.hpp>
#include <filesystem>

#include "apps/eval/word_lists.h"
#include "apps/input.h"
#include "apps/option_values.h"
#include "apps/train/bpe_trainer.h"
#include "apps/train/tokenizer_files.h"
#include "core/error.h"
#include "core/output_file.h"
#include "model/tokenizer.h"

namespace proxima {
namespace {

constexpr size_t kBytes = 256;

void prepare_folder(const std::filesystem::path& dir) {
  std::error_code error;
  if (std::filesystem::exists(dir / "tokenizer.json", error)) {
    fail(ErrorKind::kUsage, "{}: holds a tokenizer already; give another folder", dir.string());
  }
  std::filesystem::create_directories(dir, error);
  if (error) fail(ErrorKind::kOutput, "{}: cannot be made: {}", dir.string(), error.message());
}

std::vector<std::string> name_words() {
  std::vector<std::string> words = adjectives();
  words.insert(words.end(), nouns().begin(), nouns().end());
  return words;
}

// The words often enough that each becomes a token before the rare pieces of the texts do.
std::string fact_names(size_t n_bytes) {
  constexpr size_t kBytesAnOccurrence = 10000;
  std::string text;
  for (const std::string& word : name_words()) {
    for (size_t i = 0; i < n_bytes / kBytesAnOccurrence + 1; ++i) text += " " + word;
  }
  return text;
}

void check_fact_names(const std::string& tokenizer_json) {
  const Tokenizer tokenizer = Tokenizer::from_json(tokenizer_json);
  for (const std::string& word : name_words()) {
    if (tokenizer.encode(" " + word, {.add_special = false}).size() == 1) continue;
    fail(ErrorKind::kUsage, "--fact-names: \"{}\" got no token of its own; give a larger --vocab-size", word);
  }
}

}  // namespace

void declare_train_tokenizer(CLI::App& app, TrainTokenizerOptions& options) {
  app.add_option("texts", options.texts, "texts to learn from, - is standard input")->type_name("TEXT")->required();
  app.add_option("-o,--output", options.output, "folder to write")->type_name("DIR")->required();
  add_count(app, "--vocab-size", options.vocab_size,
            "tokens: the 256 bytes, the special ones of the chat template, and those learnt",
            {kBytes + chat_tokens().size(), 1 << 20});
  app.add_flag("--fact-names", options.fact_names, "give each word of planted facts' names a token of its own");
  app.add_flag("-q,--quiet", options.common.quiet, "say nothing on standard error but warnings and errors");
  app.add_flag("-v,--verbose", options.common.verbose, "say where each option comes from");
  app.footer(
      "Byte-level BPE; each digit is a token of its own. Writes tokenizer.json, and tokenizer_config.json with a "
      "plain\n"
      "chat template.\n"
      "Example: proxima train-tokenizer book.txt -o tokenizer --vocab-size 4096");
}

void train_tokenizer(const TrainTokenizerOptions& options) {
  const std::filesystem::path dir = options.output;
  prepare_folder(dir);
  const std::string pre_tokenizer = byte_level_pre_tokenizer(true);
  BpeTrainer trainer(pre_tokenizer);
  size_t n_bytes = 0;
  for (const std::string& path : options.texts) {
    const Document text = read_document(path);
    trainer.add(text.text);
    n_bytes += text.text.size();
  }
  if (options.fact_names) trainer.add(fact_names(n_bytes));
  const size_t n_special = chat_tokens().size();
  const BpeVocabulary vocabulary = trainer.train(options.vocab_size - n_special);
  const size_t n_tokens = vocabulary.tokens.size() + n_special;
  if (n_tokens < options.vocab_size) {
    fail(ErrorKind::kUsage, "the texts give only {} tokens, --vocab-size asks for {}; give more text or a smaller size",
         n_tokens, options.vocab_size);
  }
  const std::string json = tokenizer_json(vocabulary, chat_tokens(), pre_tokenizer);
  if (options.fact_names) check_fact_names(json);
  write_text_file(dir / "tokenizer_config.json", chat_tokenizer_config());
  write_text_file(dir / "tokenizer.json", json);
  if (options.common.quiet) return;
  fmt::print(stderr, "proxima: {} tokens learnt from {} bytes, {} different words; written to {}\n", n_tokens, n_bytes,
             trainer.n_words(), dir.string());
}

}  // namespace proxima
