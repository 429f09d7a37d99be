// SPDX-License-Identifier: MIT
#include "model/utf8.h"

#include <cstdint>
#include <cstring>

namespace proxima {
namespace {

unsigned char byte_at(std::string_view text, size_t pos) {
  return static_cast<unsigned char>(text[pos]);
}

bool is_continuation(unsigned char byte) {
  return (byte & 0xC0) == 0x80;
}

// Length of a well-formed character by its first byte, 0 where none begins with it.
size_t length_by_lead(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;
  if (lead < 0xE0) return 2;
  if (lead < 0xF0) return 3;
  return lead < 0xF5 ? 4 : 0;
}

// The second byte has a narrower range after four leads (overlong forms, surrogates, beyond U+10FFFF).
bool second_byte_fits(unsigned char lead, unsigned char second) {
  switch (lead) {
    case 0xE0:
      return second >= 0xA0 && second <= 0xBF;
    case 0xED:
      return second >= 0x80 && second <= 0x9F;
    case 0xF0:
      return second >= 0x90 && second <= 0xBF;
    case 0xF4:
      return second >= 0x80 && second <= 0x8F;
    default:
      return is_continuation(second);
  }
}

}  // namespace

std::optional<size_t> find_invalid_utf8(std::string_view text) {
  size_t pos = 0;
  while (pos < text.size()) {
    uint64_t word = 0;
    if (text.size() - pos >= sizeof(word)) {
      std::memcpy(&word, text.data() + pos, sizeof(word));
      if ((word & 0x8080808080808080ULL) == 0) {
        pos += sizeof(word);
        continue;
      }
    }
    const size_t n_bytes = length_by_lead(byte_at(text, pos));
    if (n_bytes == 0 || n_bytes > text.size() - pos) return pos;
    if (n_bytes > 1 && !second_byte_fits(byte_at(text, pos), byte_at(text, pos + 1))) return pos;
    for (size_t offset = 2; offset < n_bytes; ++offset) {
      if (!is_continuation(byte_at(text, pos + offset))) return pos;
    }
    pos += n_bytes;
  }
  return std::nullopt;
}

CodePoint code_point_at(std::string_view text, size_t pos) {
  const unsigned char lead = byte_at(text, pos);
  if (lead < 0x80) return {lead, 1};
  const size_t n_bytes = length_by_lead(lead);
  char32_t value = lead & (0xFFU >> (n_bytes + 1));
  for (size_t offset = 1; offset < n_bytes; ++offset) value = (value << 6) | (byte_at(text, pos + offset) & 0x3FU);
  return {value, n_bytes};
}

CodePoint code_point_before(std::string_view text, size_t pos) {
  do --pos;
  while (pos > 0 && is_continuation(byte_at(text, pos)));
  return code_point_at(text, pos);
}

size_t count_code_points(std::string_view text) {
  size_t n_points = 0;
  for (const char byte : text) n_points += is_continuation(static_cast<unsigned char>(byte)) ? 0U : 1U;
  return n_points;
}

size_t offset_of_code_point(std::string_view text, size_t index) {
  size_t pos = 0;
  for (; index > 0 && pos < text.size(); --index) pos += length_by_lead(byte_at(text, pos));
  return pos;
}

void append_utf8(char32_t value, std::string& out) {
  const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (value < 0x80) return put(value);
  if (value < 0x800) {
    put(0xC0 | (value >> 6));
  } else {
    if (value < 0x10000) {
      put(0xE0 | (value >> 12));
    } else {
      put(0xF0 | (value >> 18));
      put(0x80 | ((value >> 12) & 0x3F));
    }
    put(0x80 | ((value >> 6) & 0x3F));
  }
  put(0x80 | (value & 0x3F));
}

bool is_white_space(char32_t value) {
  if (value <= 0x20) return value == 0x20 || (value >= 0x09 && value <= 0x0D);
  return value == 0x85 || value == 0xA0 || value == 0x1680 || (value >= 0x2000 && value <= 0x200A) || value == 0x2028 ||
         value == 0x2029 || value == 0x202F || value == 0x205F || value == 0x3000;
}

bool is_python_space(char32_t value) {
  return is_white_space(value) || (value >= 0x1C && value <= 0x1F);
}

void Utf8Repairer::append(std::string_view bytes, std::string& out) {
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (held_.empty() && byte < 0x80) {
      out.push_back(c);
    } else {
      append_byte(byte, out);
    }
  }
}

void Utf8Repairer::append_byte(unsigned char byte, std::string& out) {
  if (!held_.empty()) {
    const unsigned char lead = byte_at(held_, 0);
    if (held_.size() == 1 ? second_byte_fits(lead, byte) : is_continuation(byte)) {
      held_.push_back(static_cast<char>(byte));
      if (held_.size() == length_by_lead(lead)) {
        out += held_;
        held_.clear();
      }
      return;
    }
    finish(out);
  }
  if (byte < 0x80) {
    out.push_back(static_cast<char>(byte));
  } else if (length_by_lead(byte) == 0) {
    append_utf8(0xFFFD, out);
  } else {
    held_.assign(1, static_cast<char>(byte));
  }
}

void Utf8Repairer::finish(std::string& out) {
  if (!held_.empty()) append_utf8(0xFFFD, out);
  held_.clear();
}

}  // namespace proxima
