// SPDX-License-Identifier: MIT
// The byte alphabet of byte-level BPE (GPT-2): each byte is one printable character, so that a vocabulary is text.
// Bytes that print in Latin-1 stand for themselves, the other 68 take U+0100 onwards in ascending order.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace proxima {

class ByteAlphabet {
 public:
  ByteAlphabet();

  char32_t character(uint8_t byte) const { return characters_[byte]; }
  std::optional<uint8_t> byte(char32_t character) const;
  // The bytes a token stands for: one per character if all are of the alphabet, otherwise its own UTF-8.
  void append_bytes(std::string_view token, std::string& out) const;
  // The token text that stands for bytes.
  void append_text(std::string_view bytes, std::string& out) const;

 private:
  static constexpr size_t kEnd = 256 + 68;
  std::array<char32_t, 256> characters_{};
  std::array<int16_t, kEnd> bytes_{};  // [character], -1 where none
};

}  // namespace proxima
