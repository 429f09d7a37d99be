// SPDX-License-Identifier: MIT
// Text that a user gives: files and standard input, taken verbatim.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace proxima {

struct Document {
  std::string name;  // for messages and results: the path, or "standard input"
  std::string text;
};

// "-" is standard input. Throws Error(kInput) for a file that cannot be read and Error(kUsage), with the byte offset,
// for text that is not valid UTF-8 or holds a NUL.
Document read_document(const std::string& path);

// Whether standard input is a pipe or a file, something piped in on purpose, and not a terminal or /dev/null.
bool standard_input_is_piped();

// The documents that `paths` name, or standard input where none are named and something is piped in.
std::vector<Document> read_documents(const std::vector<std::string>& paths);

// Joins document and instruction, or two documents: a newline comes between unless the first part is empty or ends in
// one. Everything else stays as it is.
std::string join_texts(std::string_view first, std::string_view second);

// Replaces \n, \t, \r and \\ in a text of the command line; throws Error(kUsage) for any other escape.
std::string unescape(std::string_view text);

}  // namespace proxima
