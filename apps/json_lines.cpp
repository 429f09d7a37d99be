// SPDX-License-Identifier: MIT
#include "apps/json_lines.h"

#include <istream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <ostream>

#include "core/error.h"

namespace proxima {

void answer_lines(std::istream& in, std::ostream& out,
                  const std::function<std::string(std::string_view, size_t)>& answer) {
  size_t number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == line.npos) continue;
    out << answer(line, number) << '\n' << std::flush;
    require_written(out);
  }
}

std::string json_line(std::string_view key, std::string_view text) {
  return nlohmann::json{{std::string(key), text}}.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string read_all(std::istream& in) {
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void require_written(std::ostream& out) {
  if (!out.flush()) fail(ErrorKind::kOutput, "the output could not be written");
}

}  // namespace proxima
