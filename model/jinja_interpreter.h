// SPDX-License-Identifier: MIT
// Runs a chat template over its variables, with Jinja2's semantics: scopes, undefined values, errors.
#pragma once

#include <ctime>
#include <stdexcept>
#include <string>

#include "model/jinja_ast.h"

namespace proxima::jinja {

// raise_exception(message): the template's own refusal.
struct Raised {
  std::string message;
};

struct RenderOptions {
  std::tm now{};                      // local time, what strftime_now formats
  size_t budget = size_t{256} << 20;  // steps and bytes of work
};

// context must be a dict. Throws Raised, or Error(kInput) "line N: ...".
std::string render(const Block& block, const Value& context, const RenderOptions& options);

}  // namespace proxima::jinja
