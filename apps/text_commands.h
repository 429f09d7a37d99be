// SPDX-License-Identifier: MIT
// The flags of `proxima tokenize` and `proxima template`, whose work is in tokenize.h and template.h.
#pragma once

#include <string>

#include "apps/common_options.h"
#include "apps/template.h"
#include "apps/tokenize.h"

namespace proxima {

struct TokenizeCommand {
  CommonOptions common;
  std::string file;
  std::string text;
  bool count = false;
  bool ids = false;
  bool json = false;
  bool json_lines = false;
  bool no_special = false;
  TokenizeOptions options;
};

void declare_tokenize(CLI::App& app, TokenizeCommand& command);
void tokenize(const TokenizeCommand& command);

struct TemplateCommand {
  CommonOptions common;
  std::string text;
  std::string file;
  std::string system;
  std::string template_file;
  bool json_lines = false;
};

void declare_template(CLI::App& app, TemplateCommand& command);
void render_template(const TemplateCommand& command);

}  // namespace proxima
