// SPDX-License-Identifier: MIT
#include "apps/summarize.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

#include "apps/option_values.h"
#include "core/error.h"

namespace proxima {
namespace {

constexpr std::array<std::string_view, 4> kOverflows = {"error", "head", "tail", "middle"};
constexpr const char* kDefaultInstruction = "Summarize the text above in one paragraph.\nSummary:";

// How many special tokens the tokenizer puts before and after a text.
std::pair<size_t, size_t> special_margins(const Tokenizer& tokenizer, const EncodeOptions& encoding) {
  const auto plain = tokenizer.encode("x", {.add_special = false});
  const auto full = tokenizer.encode("x", encoding);
  const auto found = std::ranges::search(full, plain);
  return {static_cast<size_t>(found.begin() - full.begin()), static_cast<size_t>(full.end() - found.end())};
}

Prompt make_prompt(const Answerer& answerer, const PromptWriter& writer, const Document& document,
                   const std::string& instruction, Overflow overflow) {
  if (document.text.empty()) fail(ErrorKind::kUsage, "{} is empty: there is nothing to read", document.name);
  const Session& session = answerer.session();
  const Tokenizer& tokenizer = answerer.tokenizer();
  const PromptText text = writer.write(document.text, instruction);
  Prompt prompt{document.name, encode_prompt(session.model(), tokenizer, text), 0};
  const size_t n_predict = answerer.generation().n_predict;
  const size_t limit = session.context_limit(prompt.ids.size());
  if (overflow == Overflow::kError || prompt.ids.size() + n_predict <= limit) return prompt;
  if (n_predict >= limit) {
    fail(ErrorKind::kContext, "-n {} leaves no room for a document in the context of {} tokens", n_predict, limit);
  }
  if (text.document_end - text.document_begin != document.text.size()) {
    fail(ErrorKind::kContext, "{}: the chat template changes the text, so that it cannot be cut; cut it yourself",
         document.name);
  }
  const auto count = [&](const std::string& part) { return tokenizer.encode(part, {.add_special = false}).size(); };
  const auto [before, after] = special_margins(tokenizer, text.encoding);
  prompt.n_truncated = cut_document(prompt.ids, before + count(text.text.substr(0, text.document_begin)),
                                    after + count(text.text.substr(text.document_end)), limit - n_predict, overflow);
  return prompt;
}

}  // namespace

size_t cut_document(std::vector<TokenId>& ids, size_t n_before, size_t n_after, size_t limit, Overflow overflow) {
  if (ids.size() <= limit) return 0;
  const size_t n_cut = ids.size() - limit;
  const size_t n_document = ids.size() - std::min(ids.size(), n_before + n_after);
  if (n_cut >= n_document) {
    fail(ErrorKind::kContext, "the instruction of {} tokens leaves no room for a document in {} tokens", n_after,
         limit);
  }
  size_t begin = n_before;
  if (overflow == Overflow::kMiddle) begin += (n_document - n_cut) / 2;
  if (overflow == Overflow::kTail) begin += n_document - n_cut;
  const auto first = ids.begin() + static_cast<std::ptrdiff_t>(begin);
  ids.erase(first, first + static_cast<std::ptrdiff_t>(n_cut));
  return n_cut;
}

void declare_summarize(CLI::App& app, SummarizeOptions& options) {
  declare_answering(app, options);
  const auto set = [&options](size_t index) { options.overflow = static_cast<Overflow>(index); };
  add_choice(app, "--on-overflow", kOverflows, set,
             "a document longer than the context is an error, or loses its head, tail or middle", "error");
  app.footer(
      "Text piped in is the document, unless -f names some. Several documents are answered one after the other.\n"
      "Examples: proxima summarize -m DIR -f report.txt -n 300\n"
      "          proxima summarize -m DIR -f a.txt -f b.txt -p 'List all names.' --cache pod --map map.json --json");
}

void summarize(const SummarizeOptions& options) {
  const auto documents = read_documents(options.prompt.files);
  if (documents.empty()) fail(ErrorKind::kUsage, "which document? Give -f FILE or pipe a text in");
  const std::string given = instruction_of(options.prompt);
  const std::string instruction = given.empty() ? kDefaultInstruction : given;

  Answerer answerer(options.common, options.generation);
  const PromptWriter writer(options.prompt, answerer.session().model().dir);
  std::vector<Prompt> prompts;
  for (const Document& document : documents) {
    prompts.push_back(make_prompt(answerer, writer, document, instruction, options.overflow));
  }
  answerer.answer(prompts, "; lower -n, shorten the text, or cut it with --on-overflow head, tail or middle");
}

}  // namespace proxima
