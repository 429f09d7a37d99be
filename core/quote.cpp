// SPDX-License-Identifier: MIT
#include "core/quote.h"

#include <fmt/format.h>

#include <algorithm>

namespace proxima {

namespace {
constexpr size_t kMaxBytes = 120;  // bytes; the longest tensor names of real checkpoints have about 60
}

std::string quote(std::string_view text) {
  std::string result = "\"";
  size_t n_kept = std::min(text.size(), kMaxBytes);
  while (n_kept > 0 && n_kept < text.size() && (text[n_kept] & 0xC0) == 0x80) --n_kept;  // whole UTF-8 characters
  for (const char character : text.substr(0, n_kept)) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte < 0x20 || byte == 0x7F) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += character;
    }
  }
  return result + (text.size() > n_kept ? "...\"" : "\"");
}

}  // namespace proxima
