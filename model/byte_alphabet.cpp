// SPDX-License-Identifier: MIT
#include "model/byte_alphabet.h"

#include "model/utf8.h"

namespace proxima {

ByteAlphabet::ByteAlphabet() {
  bytes_.fill(-1);
  char32_t next = 256;
  for (size_t byte = 0; byte < 256; ++byte) {
    const bool prints = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
    characters_[byte] = prints ? static_cast<char32_t>(byte) : next++;
    bytes_[characters_[byte]] = static_cast<int16_t>(byte);
  }
}

std::optional<uint8_t> ByteAlphabet::byte(char32_t character) const {
  if (character >= kEnd || bytes_[character] < 0) return std::nullopt;
  return static_cast<uint8_t>(bytes_[character]);
}

void ByteAlphabet::append_bytes(std::string_view token, std::string& out) const {
  const size_t n_before = out.size();
  for (size_t pos = 0; pos < token.size();) {
    const CodePoint point = code_point_at(token, pos);
    const auto found = byte(point.value);
    if (!found) {
      out.resize(n_before);
      out += token;
      return;
    }
    out.push_back(static_cast<char>(*found));
    pos += point.n_bytes;
  }
}

void ByteAlphabet::append_text(std::string_view bytes, std::string& out) const {
  for (const char byte : bytes) append_utf8(characters_[static_cast<uint8_t>(byte)], out);
}

}  // namespace proxima
