// SPDX-License-Identifier: MIT
#include "core/quote.h"

#include <fmt/format.h>

namespace proxima {

namespace {
constexpr size_t kMaxBytes = 120;  // bytes; the longest tensor names of real checkpoints have about 60
}

std::string quote(std::string_view text) {
  std::string result = "\"";
  for (const char character : text.substr(0, kMaxBytes)) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte < 0x20 || byte == 0x7F) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += character;
    }
  }
  return result + (text.size() > kMaxBytes ? "...\"" : "\"");
}

}  // namespace proxima
