// SPDX-License-Identifier: MIT
// 64-bit FNV-1a over bytes: short fingerprints of what is compared, no protection against intent.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace proxima {

class Fnv1a {
 public:
  void add(std::span<const std::byte> bytes) {
    for (const std::byte byte : bytes) hash_ = (hash_ ^ std::to_integer<uint64_t>(byte)) * 0x100000001B3U;
  }
  template <class T>
  requires std::is_arithmetic_v<T>
  void add(T value) { add(std::as_bytes(std::span(&value, 1))); }
  void add(std::string_view text) {
    add(text.size());  // so that neighbouring texts cannot trade characters
    add(std::as_bytes(std::span(text)));
  }
  std::string text() const { return fmt::format("{:016x}", hash_); }  // 16 hexadecimal digits

 private:
  uint64_t hash_ = 0xCBF29CE484222325U;
};

}  // namespace proxima
