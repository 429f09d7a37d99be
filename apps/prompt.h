// SPDX-License-Identifier: MIT
// From flags and files to the token ids a model reads: document first, instruction after it.
#pragma once

#include <string>
#include <vector>

#include "apps/input.h"
#include "model/tokenizer.h"
#include "model/weights.h"

namespace CLI {
class App;
}

namespace proxima {

struct PromptOptions {
  std::vector<std::string> files;
  std::string text;  // -p
  bool escape = false;
  bool raw = false;
  std::string system;
  std::string system_file;
};

void declare_prompt(CLI::App& app, PromptOptions& options);

// -p, with its escapes replaced where -e is given.
std::string instruction_of(const PromptOptions& options);

// A model that was trained on a chat template needs --raw for a text without it, and a system prompt needs a template.
// Throws Error(kUsage).
void check_template(const PromptOptions& options, const std::filesystem::path& model_dir);

// Throws Error(kUsage) if the text repeats the BOS token that the tokenizer adds: that would shift every position.
std::vector<TokenId> encode_prompt(const Model& model, const Tokenizer& tokenizer, const std::string& text,
                                   const EncodeOptions& options);

// Where generation stops: every end token that config.json, generation_config.json and tokenizer_config.json name.
std::vector<TokenId> end_ids(const Model& model, const Tokenizer& tokenizer);

}  // namespace proxima
