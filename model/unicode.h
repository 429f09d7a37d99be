// SPDX-License-Identifier: MIT
// Normalisation form C and character categories by the tables of utf8proc (Unicode 15). NFC takes time linear in the
// text, but for the sorting of runs of marks.
#pragma once

#include <string>
#include <string_view>

namespace proxima {

// text must be well-formed UTF-8.
std::string to_nfc(std::string_view text);

// Nd, Nl or No: what the reference implementation calls numeric.
bool is_numeric(char32_t value);
// What Python's str.isprintable() says of one character.
bool is_printable(char32_t value);
// What str.isalnum() says of one character.
bool is_alphanumeric(char32_t value);
// Any of the categories P.
bool is_punctuation(char32_t value);

// Lower case, character by character. text must be well-formed UTF-8.
std::string to_lower(std::string_view text);

}  // namespace proxima
