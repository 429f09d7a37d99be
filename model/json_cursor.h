// SPDX-License-Identifier: MIT
// A strict pull reader over JSON text that somebody else keeps alive. It builds no tree and copies only strings that
// hold escapes, because a tokenizer.json has up to a million strings and is most of the start-up time otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace proxima {

class JsonCursor {
 public:
  // Throws Error(kInput) where the text is not well-formed UTF-8.
  explicit JsonCursor(std::string_view text);

  size_t n_bytes_left() const { return text_.size() - pos_; }
  // First character of the next value: { [ " t f n or the beginning of a number.
  char peek();
  void enter_object();
  // Reads the next key (valid until the next call); false at the end of the object, which is then left.
  bool next_key(std::string_view& key);
  void enter_array();
  // True if another element follows; false at the end of the array, which is then left.
  bool next_element();

  std::string_view read_string();  // valid until the next call
  uint32_t read_uint32();
  bool read_bool();
  bool read_null();                // true if null stood there and was read
  std::string_view read_number();  // its text
  std::string_view read_raw();     // the text of any value; brackets are balanced, the inside is not checked further
  void expect_end();               // nothing but white space may follow

  // Throws Error(kInput) with the line.
  [[noreturn]] void fail_here(std::string_view what) const;

 private:
  void skip_space();
  void expect(char c);
  void read_literal(std::string_view literal);
  void skip_string();
  void read_escape();
  uint32_t read_hex4();

  std::string_view text_;
  size_t pos_ = 0;
  bool fresh_ = false;  // directly behind an opening bracket
  std::string scratch_;
};

}  // namespace proxima
