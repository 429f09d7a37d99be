// SPDX-License-Identifier: MIT
// Prompts with places to fill in, written as Python's str.format wants them: {context}, {question}; {{ and }} for
// braces.
#pragma once

#include <map>
#include <string>

namespace proxima {

struct FilledTemplate {
  std::string text;
  size_t context_bytes = 0;  // the text up to the end of the last {context}; 0 where it has none
};

// Throws Error(kInput), naming `origin`, for a place that `fields` does not know, or a single brace.
FilledTemplate fill_template(const std::string& text, const std::map<std::string, std::string>& fields,
                             const std::string& origin);

}  // namespace proxima
