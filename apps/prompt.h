// SPDX-License-Identifier: MIT
// From flags and files to the token ids a model reads: document first, instruction after it, in the model's chat
// template where it has one.
#pragma once

#include <string>
#include <vector>

#include "apps/input.h"
#include "model/chat_template.h"
#include "model/tokenizer.h"
#include "model/weights.h"

namespace CLI {
class App;
}

namespace proxima {

struct PromptOptions {
  std::vector<std::string> files;
  std::vector<std::string> texts;  // -p
  bool escape = false;
  bool raw = false;
  std::string template_file;
  std::string system;
  std::string system_file;
};

void declare_document(CLI::App& app, PromptOptions& options);  // all but -p and -e
void declare_prompt(CLI::App& app, PromptOptions& options);

// Every -p, with its escapes replaced where -e is given.
std::vector<std::string> instructions_of(const PromptOptions& options);
// The one -p, or nothing. Throws Error(kUsage) where there are several.
std::string instruction_of(const PromptOptions& options);

// A prompt as text, before it is encoded.
struct PromptText {
  std::string text;
  size_t document_begin = 0;  // bytes
  size_t document_end = 0;
  EncodeOptions encoding;
};

// Puts document and instruction, in this order, into the chat template of the model (or of --chat-template-file), or
// leaves them as they are with --raw and where there is no template. Template and flags are checked once.
class PromptWriter {
 public:
  // Throws Error(kUsage) for flags without effect, such as a system prompt for a model without template.
  PromptWriter(const PromptOptions& options, const std::filesystem::path& model_dir);

  PromptText write(const std::string& document, const std::string& instruction) const;

 private:
  std::optional<ChatTemplate> template_;  // nothing: the text is raw
  std::string system_;
};

// Throws Error(kUsage) if the text repeats the BOS token that the tokenizer adds: that would shift every position.
std::vector<TokenId> encode_prompt(const Model& model, const Tokenizer& tokenizer, const PromptText& prompt);

// Where generation stops: every end token that config.json, generation_config.json and tokenizer_config.json name.
std::vector<TokenId> end_ids(const Model& model, const Tokenizer& tokenizer);

}  // namespace proxima
