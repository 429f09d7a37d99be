// SPDX-License-Identifier: MIT
#include "model/json_cursor.h"

#include <algorithm>
#include <charconv>

#include "core/error.h"
#include "model/utf8.h"

namespace proxima {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Ends a run of plain characters inside a string.
bool ends_run(char c) {
  return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20;
}

}  // namespace

JsonCursor::JsonCursor(std::string_view text) : text_(text) {
  if (const auto offset = find_invalid_utf8(text)) {
    pos_ = *offset;
    fail_here("ill-formed UTF-8");
  }
}

void JsonCursor::fail_here(std::string_view what) const {
  const size_t end = std::min(pos_, text_.size());
  const auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(end), '\n');
  fail(ErrorKind::kInput, "{} at line {}, byte {} of the JSON", what, line, end);
}

void JsonCursor::skip_space() {
  while (pos_ < text_.size()) {
    const char c = text_[pos_];
    if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
    ++pos_;
  }
}

char JsonCursor::peek() {
  skip_space();
  if (pos_ == text_.size()) fail_here("the text ends too early");
  return text_[pos_];
}

void JsonCursor::expect(char c) {
  if (peek() != c) fail_here(fmt::format("'{}' expected", c));
  ++pos_;
}

void JsonCursor::enter_object() {
  expect('{');
  fresh_ = true;
}

bool JsonCursor::next_key(std::string_view& key) {
  if (peek() == '}') {
    ++pos_;
    fresh_ = false;
    return false;
  }
  if (!fresh_) expect(',');
  fresh_ = false;
  if (peek() != '"') fail_here("a key expected");
  key = read_string();
  expect(':');
  return true;
}

void JsonCursor::enter_array() {
  expect('[');
  fresh_ = true;
}

bool JsonCursor::next_element() {
  if (peek() == ']') {
    ++pos_;
    fresh_ = false;
    return false;
  }
  if (!fresh_) expect(',');
  fresh_ = false;
  return true;
}

std::string_view JsonCursor::read_string() {
  if (peek() != '"') fail_here("a string expected");
  const size_t begin = ++pos_;
  while (pos_ < text_.size() && !ends_run(text_[pos_])) ++pos_;
  if (pos_ < text_.size() && text_[pos_] == '"') return text_.substr(begin, pos_++ - begin);
  scratch_.assign(text_, begin, pos_ - begin);
  while (true) {
    if (pos_ == text_.size()) fail_here("a string has no end");
    const char c = text_[pos_];
    if (c == '"') break;
    if (static_cast<unsigned char>(c) < 0x20) fail_here("a control character stands in a string");
    ++pos_;
    if (c == '\\') {
      read_escape();
    } else {
      scratch_.push_back(c);
    }
  }
  ++pos_;
  return scratch_;
}

void JsonCursor::read_escape() {
  if (pos_ == text_.size()) fail_here("a string has no end");
  const char c = text_[pos_++];
  static constexpr std::string_view kNames = "\"\\/bfnrt";
  static constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
  if (const size_t index = kNames.find(c); index != kNames.npos) {
    scratch_.push_back(kValues[index]);
    return;
  }
  if (c != 'u') fail_here("an unknown escape");
  uint32_t value = read_hex4();
  if (value >= 0xDC00 && value <= 0xDFFF) fail_here("a lone surrogate");
  if (value >= 0xD800 && value <= 0xDBFF) {
    if (text_.substr(pos_, 2) != "\\u") fail_here("a lone surrogate");
    pos_ += 2;
    const uint32_t low = read_hex4();
    if (low < 0xDC00 || low > 0xDFFF) fail_here("a lone surrogate");
    value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
  }
  append_utf8(value, scratch_);
}

uint32_t JsonCursor::read_hex4() {
  const std::string_view digits = text_.substr(pos_, 4);
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.size() != 4 || error != std::errc() || end != digits.data() + 4) fail_here("four hex digits expected");
  pos_ += 4;
  return value;
}

std::string_view JsonCursor::read_number() {
  const char first = peek();
  if (first != '-' && !is_digit(first)) fail_here("a number expected");
  const size_t begin = pos_;
  const auto digits = [this] {
    const size_t from = pos_;
    while (pos_ < text_.size() && is_digit(text_[pos_])) ++pos_;
    if (pos_ == from) fail_here("a digit expected");
    return pos_ - from;
  };
  const auto next_is = [this](std::string_view set) {
    return pos_ < text_.size() && set.find(text_[pos_]) != set.npos;
  };
  if (first == '-') ++pos_;
  const bool zero = next_is("0");
  if (digits() > 1 && zero) fail_here("a number begins with 0");
  if (next_is(".")) {
    ++pos_;
    digits();
  }
  if (next_is("eE")) {
    ++pos_;
    if (next_is("+-")) ++pos_;
    digits();
  }
  return text_.substr(begin, pos_ - begin);
}

uint32_t JsonCursor::read_uint32() {
  const std::string_view number = read_number();
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  if (error != std::errc() || end != number.data() + number.size())
    fail_here("an integer from 0 to 4294967295 expected");
  return value;
}

void JsonCursor::read_literal(std::string_view literal) {
  if (text_.substr(pos_, literal.size()) != literal) fail_here(fmt::format("'{}' expected", literal));
  pos_ += literal.size();
}

bool JsonCursor::read_bool() {
  const bool value = peek() == 't';
  read_literal(value ? "true" : "false");
  return value;
}

bool JsonCursor::read_null() {
  if (peek() != 'n') return false;
  read_literal("null");
  return true;
}

void JsonCursor::skip_string() {
  for (++pos_; pos_ < text_.size() && text_[pos_] != '"'; ++pos_) {
    if (text_[pos_] == '\\') ++pos_;
  }
  if (pos_ >= text_.size()) fail_here("a string has no end");
  ++pos_;
}

std::string_view JsonCursor::read_raw() {
  peek();
  const size_t begin = pos_;
  size_t depth = 0;
  do {
    const char c = peek();
    if (c == '"') {
      skip_string();
    } else if (c == '{' || c == '[') {
      ++depth;
      ++pos_;
    } else if (c == '}' || c == ']') {
      if (depth == 0) fail_here("a value expected");
      --depth;
      ++pos_;
    } else if (depth > 0 && (c == ',' || c == ':')) {
      ++pos_;
    } else if (c == 't' || c == 'f') {
      read_bool();
    } else if (!read_null()) {
      read_number();
    }
  } while (depth > 0);
  return text_.substr(begin, pos_ - begin);
}

void JsonCursor::expect_end() {
  skip_space();
  if (pos_ != text_.size()) fail_here("something follows the end");
}

}  // namespace proxima
