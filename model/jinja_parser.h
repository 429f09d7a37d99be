// SPDX-License-Identifier: MIT
// Parses a chat template, with Jinja's own precedences. What lies outside the subset is refused here, before anything
// runs, by name and line.
#pragma once

#include <string_view>

#include "model/jinja_ast.h"

namespace proxima::jinja {

// Throws Error(kInput) "line N: ...".
Block parse(std::string_view source);

}  // namespace proxima::jinja
