// SPDX-License-Identifier: MIT
#include "apps/text_commands.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

#include "apps/template.h"
#include "apps/tokenize.h"
#include "core/error.h"

namespace proxima {
namespace {

// Calls work(input) with the file, or with standard input unless that is a terminal nobody is asked to type into.
template <class Work>
void with_input(const std::string& file, bool has_text, Work work) {
  if (has_text && !file.empty()) fail(ErrorKind::kUsage, "-p and -f both give the text; leave one out");
  if (has_text || file.empty() || file == "-") {
    if (!has_text && isatty(STDIN_FILENO) == 1) fail(ErrorKind::kUsage, "which text? Give -p TEXT, -f FILE or a pipe");
    return work(std::cin);
  }
  std::ifstream in(file, std::ios::binary);
  if (!in || (in.peek(), in.bad())) fail(ErrorKind::kInput, "{}: cannot be read: {}", file, std::strerror(errno));
  work(in);
}

TokenizeOptions::Form form_of(const TokenizeFlags& flags) {
  using Form = TokenizeOptions::Form;
  if (int{flags.count} + int{flags.ids} + int{flags.json} + int{flags.json_lines} > 1) {
    fail(ErrorKind::kUsage, "--count, --ids, --json and --jsonl are different forms of output; give one of them");
  }
  return flags.count        ? Form::kCount
         : flags.ids        ? Form::kIds
         : flags.json       ? Form::kJson
         : flags.json_lines ? Form::kJsonLines
                            : Form::kTokens;
}

void check_effects(const TokenizeFlags& flags) {
  const bool encode_flag = flags.no_special || flags.no_parse_special;
  if (flags.json_lines && (encode_flag || flags.skip_special)) {
    fail(ErrorKind::kUsage, "with --jsonl each line says for itself how special tokens are treated");
  }
  if (flags.decode && encode_flag) {
    fail(ErrorKind::kUsage, "--no-special and --no-parse-special have no effect with --decode");
  }
  if (!flags.decode && flags.skip_special) fail(ErrorKind::kUsage, "--skip-special has no effect without --decode");
}

}  // namespace

void declare_tokenize(CLI::App& app, TokenizeFlags& flags) {
  add_model_options(app, flags.common);
  app.add_option("-f,--file", flags.file, "text to tokenize (default: standard input)")->type_name("FILE");
  app.add_option("-p,--prompt", flags.text, "text to tokenize")->type_name("TEXT");
  app.add_flag("--count", flags.count, "print only how many tokens there are");
  app.add_flag("--ids", flags.ids, "print only the ids, on one line");
  app.add_flag("--json", flags.json, "one JSON object");
  app.add_flag("--jsonl", flags.json_lines, "{\"text\":..., \"add_special\":..., \"parse_special\":...} a line");
  app.add_flag("--decode", flags.decode, "ids in, text out; --jsonl: {\"ids\":[...], \"skip_special\":...} a line");
  app.add_flag("--no-special", flags.no_special, "do not add BOS and the like");
  app.add_flag("--no-parse-special", flags.no_parse_special, "special tokens in the text are only text");
  app.add_flag("--skip-special", flags.skip_special, "with --decode: leave special tokens out");
  app.footer("Example: proxima tokenize -m DIR -f book.txt --count");
}

void tokenize(const TokenizeFlags& flags) {
  check_effects(flags);
  TokenizeOptions options;
  options.model = model_folder(flags.common);
  options.text = flags.text;
  options.form = form_of(flags);
  options.decode = flags.decode;
  options.add_special = !flags.no_special;
  options.parse_special = !flags.no_parse_special;
  options.skip_special = flags.skip_special;
  with_input(flags.file, flags.text.has_value(), [&](std::istream& in) { run_tokenize(options, in, std::cout); });
}

void declare_template(CLI::App& app, TemplateFlags& flags) {
  add_model_options(app, flags.common);
  app.add_option("-f,--file", flags.file, "the user's message (default: standard input)")->type_name("FILE");
  app.add_option("-p,--prompt", flags.text, "the user's message")->type_name("TEXT");
  app.add_option("--system", flags.system, "system prompt, also -sys")->type_name("TEXT");
  app.add_option("--chat-template-file", flags.template_file, "use this Jinja template")->type_name("FILE");
  app.add_flag("--jsonl", flags.json_lines, "{\"context\":{...}, \"template\":..., \"now\":...} a line");
  app.footer("Example: proxima template -m DIR -p 'What is new?' -sys 'Be brief.'");
}

void render_template(const TemplateFlags& flags) {
  TemplateOptions options;
  options.model = model_folder(flags.common);
  if (!flags.template_file.empty()) options.template_file = flags.template_file;
  options.json_lines = flags.json_lines;
  options.system = flags.system;
  options.prompt = flags.text;
  with_input(flags.file, flags.text.has_value(), [&](std::istream& in) { run_template(options, in, std::cout); });
}

}  // namespace proxima
