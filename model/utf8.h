// SPDX-License-Identifier: MIT
// UTF-8: checking, walking, writing and repairing, and the two notions of white space that tokenizers and templates
// use.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace proxima {

// Offset of the first byte that does not belong to well-formed UTF-8, or nothing.
std::optional<size_t> find_invalid_utf8(std::string_view text);

struct CodePoint {
  char32_t value = 0;
  size_t n_bytes = 0;
};
// The code point at pos of well-formed text, pos < text.size().
CodePoint code_point_at(std::string_view text, size_t pos);
// The code point that ends just before pos of well-formed text, 0 < pos.
CodePoint code_point_before(std::string_view text, size_t pos);
size_t count_code_points(std::string_view text);
// Byte offset of the code point with this index, or text.size() when there are fewer.
size_t offset_of_code_point(std::string_view text, size_t index);
void append_utf8(char32_t value, std::string& out);

bool is_white_space(char32_t value);   // Unicode White_Space
bool is_python_space(char32_t value);  // str.isspace(): White_Space and the four separators U+001C to U+001F

// Every ill-formed part becomes U+FFFD, one per maximal subpart, however the bytes are cut into calls.
class Utf8Repairer {
 public:
  void append(std::string_view bytes, std::string& out);
  void finish(std::string& out);

 private:
  void append_byte(unsigned char byte, std::string& out);
  std::string held_;  // the beginning of a character, at most 3 bytes
};

}  // namespace proxima
