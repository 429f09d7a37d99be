// SPDX-License-Identifier: MIT
#include "apps/eval/prompt_template.h"

#include "core/error.h"
#include "core/quote.h"

namespace proxima {

FilledTemplate fill_template(const std::string& text, const std::map<std::string, std::string>& fields,
                             const std::string& origin) {
  FilledTemplate filled;
  for (size_t pos = 0; pos < text.size(); ++pos) {
    const char letter = text[pos];
    if (letter != '{' && letter != '}') {
      filled.text += letter;
      continue;
    }
    if (pos + 1 < text.size() && text[pos + 1] == letter) {
      filled.text += letter;
      ++pos;
      continue;
    }
    const size_t end = letter == '{' ? text.find('}', pos) : std::string::npos;
    if (end == std::string::npos) {
      fail(ErrorKind::kInput, "{}: the template has a single brace at byte {}; write {{{{ or }}}} for braces", origin,
           pos);
    }
    const std::string name = text.substr(pos + 1, end - pos - 1);
    const auto field = fields.find(name);
    if (field == fields.end()) {
      fail(ErrorKind::kInput, "{}: the template asks for {}, which there is not", origin, quote("{" + name + "}"));
    }
    filled.text += field->second;
    if (name == "context") filled.context_bytes = filled.text.size();
    pos = end;
  }
  return filled;
}

}  // namespace proxima
