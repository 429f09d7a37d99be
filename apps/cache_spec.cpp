// SPDX-License-Identifier: MIT
#include "apps/cache_spec.h"

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <vector>

#include "core/error.h"
#include "core/quote.h"

namespace proxima {
namespace {

// A parser that knows the cache options and nothing else.
std::unique_ptr<CLI::App> cache_parser(CommonOptions& options) {
  auto app = std::make_unique<CLI::App>("", "");
  app->set_help_flag();
  add_cache_options(*app, options);
  return app;
}

// "pod:map=FILE,nr=64" -> --cache pod --map FILE --nr 64; words behind the name are taken as they are.
std::vector<std::string> spec_arguments(const std::string& text) {
  std::vector<std::string> arguments = {"--cache"};
  const size_t name_end = std::min(text.find_first_of(": "), text.size());
  arguments.push_back(text.substr(0, name_end));
  const bool flags = name_end < text.size() && text[name_end] == ' ';
  for (size_t begin = name_end + 1; begin < text.size();) {
    const size_t end = std::min(text.find(flags ? ' ' : ',', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    begin = end + 1;
    if (part.empty()) continue;
    if (flags) {
      arguments.push_back(part);
      continue;
    }
    const size_t equals = part.find('=');
    arguments.push_back("--" + part.substr(0, equals));
    if (equals != std::string::npos) arguments.push_back(part.substr(equals + 1));
  }
  return arguments;
}

// "pod:map=a/b.json" -> "pod:map=b.json"
std::string without_folders(const std::string& text) {
  std::string name;
  for (const char letter : text) {
    if (letter == '/') {
      name.resize(name.find_last_of("=, ") + 1);  // 0 where there is none
    } else {
      name += letter;
    }
  }
  return name;
}

}  // namespace

std::string given_cache_options(const CLI::App& app) {
  CommonOptions unused;
  std::string text;
  const auto names = cache_parser(unused);
  for (const CLI::Option* known : names->get_options()) {
    const std::string name = "--" + known->get_lnames().front();
    const CLI::Option* option = app.get_option_no_throw(name);
    if (option == nullptr || option->count() == 0) continue;
    text += fmt::format("{}{}", text.empty() ? "" : " ", name);
    if (option->get_items_expected() > 0) text += fmt::format(" {}", fmt::join(option->results(), " "));
  }
  return text;
}

CacheSpec parse_cache_spec(const std::string& given, const CommonOptions& base) {
  const size_t name_end = given.find_first_of("=: ");
  const bool named = name_end != std::string::npos && given[name_end] == '=';
  const std::string text = named ? given.substr(name_end + 1) : given;
  CacheSpec spec{named ? given.substr(0, name_end) : without_folders(text), "", base};
  const auto parser = cache_parser(spec.options);
  std::vector<std::string> arguments = spec_arguments(text);
  std::ranges::reverse(arguments);  // CLI11 takes them from the back
  try {
    parser->parse(arguments);
  } catch (const CLI::ParseError& error) {
    const std::string what = error.what();
    fail(ErrorKind::kUsage, "cache {}: {}; write for example pod:map=FILE,nr=64", quote(text),
         what.substr(0, what.find('\n')));
  }
  spec.flags = given_cache_options(*parser);
  return spec;
}

}  // namespace proxima
