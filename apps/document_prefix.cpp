// SPDX-License-Identifier: MIT
#include "apps/document_prefix.h"

#include <algorithm>
#include <array>

#include "core/error.h"

namespace proxima {
namespace {

// How a question begins may change how the text before it is cut into tokens: a newline or a space may merge with the
// end of the document. Tokens that these beginnings, and none at all, have in common do not depend on it.
constexpr std::array<const char*, 7> kQuestions = {"", "a", "A", "7", "?", " a", "\n"};

// The prompt without a question, cut where one would stand. Throws where the template does not put it there.
SavedPrompt split(const PromptWriter& writer, const std::string& document) {
  const std::string plain = writer.write(document, "").text;
  std::string marker = "QUESTION";
  while (plain.find(marker) != std::string::npos) marker += 'Q';
  const PromptText written = writer.write(document, marker);
  const size_t at = written.text.find(marker);
  if (at == std::string::npos || at != written.text.rfind(marker)) {
    fail(ErrorKind::kUsage, "the chat template changes the text, so that no question can be added to it; try --raw");
  }
  const size_t newline = join_texts(document, marker).size() - document.size() - marker.size();
  SavedPrompt prompt;
  prompt.before = written.text.substr(0, at - std::min(at, newline));
  prompt.after = written.text.substr(at + marker.size());
  prompt.add_special = written.encoding.add_special;
  return prompt;
}

}  // namespace

PromptText ask(const SavedPrompt& saved, const std::string& question) {
  PromptText prompt;
  prompt.text = join_texts(saved.before, question) + saved.after;
  prompt.encoding.add_special = saved.add_special;
  return prompt;
}

SavedPrompt document_prefix(const PromptWriter& writer, const Model& model, const Tokenizer& tokenizer,
                            const std::string& document) {
  SavedPrompt prefix = split(writer, document);
  size_t n_common = SIZE_MAX;
  for (const char* question : kQuestions) {
    const auto ids = encode_prompt(model, tokenizer, ask(prefix, question));
    if (n_common == SIZE_MAX) prefix.ids = ids;
    n_common = std::min(n_common, static_cast<size_t>(std::ranges::mismatch(prefix.ids, ids).in1 - prefix.ids.begin()));
    // A prompt needs a token of its own to be read, since the logits of the last one are not saved.
    n_common = std::min(n_common, ids.size() - std::min<size_t>(ids.size(), 1));
  }
  prefix.ids.resize(n_common);
  if (prefix.ids.empty())
    fail(ErrorKind::kUsage, "the document is too short to be worth saving: ask about it directly");
  return prefix;
}

}  // namespace proxima
