// SPDX-License-Identifier: MIT
// proxima template: the text a model's chat template makes of a conversation. Needs nothing of a model but its
// tokenizer's files.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>

namespace proxima {

struct TemplateOptions {
  std::filesystem::path model;                         // the folder
  std::optional<std::filesystem::path> template_file;  // instead of the folder's template
  // Each line {"context":{...}, "template":optional text, "now":optional local time} gives {"text":...} or
  // {"error":...}; the context holds every variable.
  bool json_lines = false;
  std::optional<std::string> system;  // not with json_lines
  std::optional<std::string> prompt;  // otherwise the whole of the input stream; not with json_lines
};

void run_template(const TemplateOptions& options, std::istream& in, std::ostream& out);

}  // namespace proxima
