// SPDX-License-Identifier: MIT
// The flags of `proxima tokenize` and `proxima template`, whose work is done in tokenize.h and template.h.
#pragma once

#include <string>

#include "apps/common_options.h"

namespace proxima {

struct TokenizeFlags {
  CommonOptions common;
  std::string file;
  std::optional<std::string> text;
  bool count = false;
  bool ids = false;
  bool json = false;
  bool json_lines = false;
  bool decode = false;
  bool no_special = false;
  bool no_parse_special = false;
  bool skip_special = false;
};

void declare_tokenize(CLI::App& app, TokenizeFlags& flags);
void tokenize(const TokenizeFlags& flags);

struct TemplateFlags {
  CommonOptions common;
  std::string file;
  std::string template_file;
  std::optional<std::string> text;
  std::optional<std::string> system;
  bool json_lines = false;
};

void declare_template(CLI::App& app, TemplateFlags& flags);
void render_template(const TemplateFlags& flags);

}  // namespace proxima
