// SPDX-License-Identifier: MIT
#include "apps/prefill.h"

#include <CLI/CLI.hpp>

#include "apps/document_prefix.h"
#include "apps/generation.h"
#include "apps/reading.h"
#include "core/error.h"
#include "core/output_file.h"
#include "model/finite_observer.h"

namespace proxima {

void declare_prefill(CLI::App& app, PrefillOptions& options) {
  add_model_options(app, options.common);
  declare_document(app, options.prompt);
  app.add_option("-o,--output", options.output, "cache file to write, such as doc.kv.safetensors")
      ->type_name("FILE")
      ->required();
  add_check_finite_option(app, options.common);
  add_progress_option(app, options.progress);
  add_sequence_options(app, options.common);
  app.footer(
      "Text piped in is the document, unless -f names one. The file remembers the model's folder, precision and "
      "cache.\n"
      "Example: proxima prefill -m DIR -f book.txt -o book.kv.safetensors --cache pod --map map.json\n"
      "         proxima run --kv book.kv.safetensors -p 'Who is the narrator?' -p 'Where does it end?'");
}

void prefill(const PrefillOptions& options) {
  std::string document;
  for (const Document& part : read_documents(options.prompt.files)) document = join_texts(document, part.text);
  if (document.empty()) fail(ErrorKind::kUsage, "there is nothing to read; give -f FILE or pipe a text in");
  const Session session(options.common);
  const Model& model = session.model();
  const PromptWriter writer(options.prompt, model.dir);
  const SavedPrompt prompt = document_prefix(writer, model, Tokenizer::open(model.dir), document);
  const size_t n_tokens = prompt.ids.size();
  if (rotation_limit(model.config, n_tokens) <= n_tokens) {
    fail(ErrorKind::kContext,
         "the rotation (RoPE) of a prompt of {} tokens changes with every further one, so that nothing could be asked "
         "of its cache; ask about the document directly",
         n_tokens);
  }
  const Job job = session.start("the document", n_tokens, 0);
  { const OutputFile writable(options.output); }  // known now, not after hours of reading

  Generator generator(*job.transformer, *job.cache);
  FiniteCheck finite_check;
  const Reading reading = read_prompt(session, job, generator, "document", prompt.ids, 0, options.progress,
                                      options.common.check_finite ? &finite_check : nullptr);
  if (reading.interrupted) {
    fail(ErrorKind::kInterrupt, "interrupted after {} of {} tokens; nothing was saved", reading.n_read, n_tokens);
  }
  const size_t n_bytes = save_cache(options.output, model, session.cache_settings(job.choice), prompt, *job.cache);
  if (options.common.quiet) return;
  fmt::print(stderr, "proxima: read {} tokens in {:.2f} s; saved {} of keys and values to {}\n", n_tokens,
             reading.seconds, format_bytes(n_bytes), options.output);
}

}  // namespace proxima
