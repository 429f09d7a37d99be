// SPDX-License-Identifier: MIT
#include "model/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "core/error.h"
#include "model/utf8.h"

namespace proxima {
namespace {

utf8proc_category_t category(char32_t value) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(value));
}

// Every character below U+0300 is its own NFC and never composes with what stands before it.
bool may_change(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0xCC; });
}

int combining_class(utf8proc_int32_t point) {
  return utf8proc_get_property(point)->combining_class;
}

// utf8proc sorts marks by exchanging neighbours, which is quadratic in a hostile run of them; sorted input costs it
// nothing.
void order_marks(std::vector<utf8proc_int32_t>& points) {
  for (auto begin = points.begin(); begin != points.end();) {
    if (combining_class(*begin) == 0) {
      ++begin;
      continue;
    }
    const auto end = std::find_if(begin, points.end(), [](auto point) { return combining_class(point) == 0; });
    std::stable_sort(begin, end, [](auto a, auto b) { return combining_class(a) < combining_class(b); });
    begin = end;
  }
}

}  // namespace

std::string to_nfc(std::string_view text) {
  if (!may_change(text)) return std::string(text);
  std::vector<utf8proc_int32_t> points;
  points.reserve(text.size());
  utf8proc_int32_t decomposed[32];
  for (size_t pos = 0; pos < text.size();) {
    const CodePoint point = code_point_at(text, pos);
    pos += point.n_bytes;
    int last_boundclass = 0;
    const auto n = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(point.value), decomposed, 32,
                                           UTF8PROC_DECOMPOSE, &last_boundclass);
    if (n < 0 || n > 32) fail(ErrorKind::kUsage, "U+{:04X} cannot be normalised", static_cast<uint32_t>(point.value));
    points.insert(points.end(), decomposed, decomposed + n);
  }
  order_marks(points);
  const auto n_points = utf8proc_normalize_utf32(points.data(), static_cast<utf8proc_ssize_t>(points.size()),
                                                 static_cast<utf8proc_option_t>(UTF8PROC_COMPOSE | UTF8PROC_STABLE));
  if (n_points < 0) fail(ErrorKind::kUsage, "the text cannot be normalised: {}", utf8proc_errmsg(n_points));
  std::string out;
  out.reserve(text.size());
  for (size_t index = 0; index < static_cast<size_t>(n_points); ++index) {
    append_utf8(static_cast<char32_t>(points[index]), out);
  }
  return out;
}

bool is_numeric(char32_t value) {
  if (value < 128) return value >= '0' && value <= '9';
  const auto found = category(value);
  return found == UTF8PROC_CATEGORY_ND || found == UTF8PROC_CATEGORY_NL || found == UTF8PROC_CATEGORY_NO;
}

bool is_printable(char32_t value) {
  if (value < 128) return value >= ' ' && value != 0x7F;
  switch (category(value)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_ZS:
      return false;
    default:
      return true;
  }
}

bool is_alphanumeric(char32_t value) {
  if (value < 128) return std::isalnum(static_cast<int>(value)) != 0;
  const auto found = category(value);
  return is_numeric(value) || (found >= UTF8PROC_CATEGORY_LU && found <= UTF8PROC_CATEGORY_LO);
}

bool is_punctuation(char32_t value) {
  const auto found = category(value);
  return found >= UTF8PROC_CATEGORY_PC && found <= UTF8PROC_CATEGORY_PO;
}

std::string to_lower(std::string_view text) {
  std::string lower;
  lower.reserve(text.size());
  for (size_t pos = 0; pos < text.size();) {
    const CodePoint point = code_point_at(text, pos);
    append_utf8(static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(point.value))), lower);
    pos += point.n_bytes;
  }
  return lower;
}

}  // namespace proxima
