// SPDX-License-Identifier: MIT
// proxima tokenize: text to token ids and back. Needs nothing of a model but its tokenizer's files.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>

namespace proxima {

struct TokenizeOptions {
  enum class Form {
    kTokens,     // one line per token: id, tab, the vocabulary's spelling as a JSON string
    kCount,      // --count: how many tokens
    kIds,        // --ids: the ids on one line
    kJson,       // --json: {"n_tokens":..., "ids":[...], "tokens":[...]}
    kJsonLines,  // --jsonl: {"text":..., "add_special":bool, "parse_special":bool} a line gives {"ids":[...]}
  };
  std::filesystem::path model;      // the folder
  std::optional<std::string> text;  // otherwise the whole of the input stream; not with kJsonLines
  Form form = Form::kTokens;
  bool decode = false;  // ids in, text out; with kJsonLines {"ids":[...], "skip_special":bool} gives {"text":...}
  bool add_special = true;
  bool parse_special = true;
  bool skip_special = false;
};

// Throws Error(kUsage) for ids outside the vocabulary (JSON lines drop them, as decoders do), options that contradict
// each other and text that is not UTF-8.
void run_tokenize(const TokenizeOptions& options, std::istream& in, std::ostream& out);

}  // namespace proxima
