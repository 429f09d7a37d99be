// SPDX-License-Identifier: MIT
// Commands that read one JSON object per line and answer each with one line, flushed, so that another program can hold
// a conversation with them.
#pragma once

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>

namespace proxima {

// Calls answer(line, number from 1) for each line that is not blank and writes what it returns as a line.
// Throws Error(kOutput) where that fails.
void answer_lines(std::istream& in, std::ostream& out,
                  const std::function<std::string(std::string_view, size_t)>& answer);

// {"key": "text"}
std::string json_line(std::string_view key, std::string_view text);

// Everything up to the end of the stream.
std::string read_all(std::istream& in);

// Throws Error(kOutput) where anything written so far failed.
void require_written(std::ostream& out);

}  // namespace proxima
