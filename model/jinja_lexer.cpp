// SPDX-License-Identifier: MIT
#include "model/jinja_lexer.h"

#include <algorithm>
#include <charconv>

#include "core/error.h"
#include "core/quote.h"
#include "model/utf8.h"

namespace proxima::jinja {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_name_begin(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

size_t skip_space(std::string_view text, size_t pos) {
  while (pos < text.size()) {
    const CodePoint point = code_point_at(text, pos);
    if (!is_python_space(point.value)) break;
    pos += point.n_bytes;
  }
  return pos;
}

size_t skip_space_back(std::string_view text, size_t end) {
  while (end > 0) {
    const CodePoint point = code_point_before(text, end);
    if (!is_python_space(point.value)) break;
    end -= point.n_bytes;
  }
  return end;
}

// Every line end becomes \n, and one at the end of the text goes.
std::string normalize_newlines(std::string_view source) {
  std::string text;
  text.reserve(source.size());
  for (size_t pos = 0; pos < source.size(); ++pos) {
    if (source[pos] == '\r') {
      text.push_back('\n');
      if (pos + 1 < source.size() && source[pos + 1] == '\n') ++pos;
    } else {
      text.push_back(source[pos]);
    }
  }
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : text_(normalize_newlines(source)) {}

  std::vector<Token> run() {
    while (pos_ < text_.size()) {
      const size_t tag = find_tag();
      if (tag == text_.npos) {
        add(TokenKind::kText, text_.substr(pos_));
        pos_ = text_.size();
      } else {
        lex_tag(tag);
      }
    }
    add(TokenKind::kEnd, {});
    return std::move(tokens_);
  }

 private:
  size_t find_tag() const {
    for (size_t pos = text_.find('{', pos_); pos != text_.npos; pos = text_.find('{', pos + 1)) {
      if (pos + 1 == text_.size()) break;
      if (text_[pos + 1] == '{' || text_[pos + 1] == '%' || text_[pos + 1] == '#') return pos;
    }
    return text_.npos;
  }

  [[noreturn]] void fail_here(std::string_view what) { fail(ErrorKind::kInput, "line {}: {}", line_at(pos_), what); }

  // Positions only grow, so that counting lines is one pass over the text.
  size_t line_at(size_t pos) {
    const auto begin = text_.begin() + static_cast<std::ptrdiff_t>(counted_);
    const auto end = text_.begin() + static_cast<std::ptrdiff_t>(std::max(std::min(pos, text_.size()), counted_));
    line_ += static_cast<size_t>(std::count(begin, end, '\n'));
    counted_ = std::max(std::min(pos, text_.size()), counted_);
    return line_;
  }

  void add(TokenKind kind, std::string text) {
    if (kind == TokenKind::kText && text.empty()) return;
    tokens_.push_back({kind, std::move(text), line_at(pos_)});
  }

  bool at(std::string_view what) const { return std::string_view(text_).substr(pos_).starts_with(what); }

  void lex_tag(size_t tag) {
    const char kind = text_[tag + 1];
    const char sign = tag + 2 < text_.size() ? text_[tag + 2] : ' ';
    add(TokenKind::kText, text_.substr(pos_, text_end(tag, kind, sign) - pos_));
    pos_ = tag + (sign == '-' || sign == '+' ? 3 : 2);
    const size_t content = pos_;
    if (kind == '#') {
      skip_comment();
    } else {
      if (kind == '%' && std::string_view(text_).substr(skip_space(text_, pos_)).starts_with("raw")) {
        fail_here("'raw' is not supported");
      }
      add(kind == '{' ? TokenKind::kPrintBegin : TokenKind::kBlockBegin, {});
      lex_inside(kind == '{' ? "}}" : "%}", kind == '{' ? TokenKind::kPrintEnd : TokenKind::kBlockEnd);
    }
    line_starting_ = pos_ > content && text_[pos_ - 1] == '\n';
  }

  // Where the text before a tag ends: `-` strips white space, otherwise a block or comment that stands first on its
  // line takes the white space before it along (lstrip_blocks).
  size_t text_end(size_t tag, char kind, char sign) const {
    const std::string_view before = std::string_view(text_).substr(pos_, tag - pos_);
    if (sign == '-') return pos_ + skip_space_back(before, before.size());
    if (sign == '+' || kind == '{') return tag;
    const size_t newline = before.rfind('\n');
    if (newline == before.npos && !line_starting_) return tag;
    const size_t line_begin = newline == before.npos ? 0 : newline + 1;
    return skip_space(before, line_begin) == before.size() ? pos_ + line_begin : tag;
  }

  // Steps over the end of a tag; blocks and comments take one newline along (trim_blocks) unless + forbids it.
  bool take_end(std::string_view end, bool takes_newline) {
    if (at("-") && std::string_view(text_).substr(pos_ + 1).starts_with(end)) {
      pos_ = skip_space(text_, pos_ + 1 + end.size());
    } else if (takes_newline && at("+") && std::string_view(text_).substr(pos_ + 1).starts_with(end)) {
      pos_ += 1 + end.size();
    } else if (at(end)) {
      pos_ += end.size();
      if (takes_newline && at("\n")) ++pos_;
    } else {
      return false;
    }
    return true;
  }

  void skip_comment() {
    const size_t end = text_.find("#}", pos_);
    if (end == text_.npos) fail_here("a comment has no end");
    const bool sign = end > pos_ && (text_[end - 1] == '-' || text_[end - 1] == '+');
    pos_ = sign ? end - 1 : end;
    take_end("#}", true);
  }

  void lex_inside(std::string_view end, TokenKind end_kind) {
    while (true) {
      pos_ = skip_space(text_, pos_);
      if (pos_ >= text_.size()) fail_here("a tag has no end");
      const size_t begin = pos_;
      if (brackets_.empty() && take_end(end, end_kind == TokenKind::kBlockEnd)) {
        tokens_.push_back({end_kind, {}, line_at(begin)});
        return;
      }
      lex_token();
    }
  }

  void lex_token() {
    const char c = text_[pos_];
    if (is_name_begin(c)) {
      const size_t begin = pos_;
      size_t end = begin;
      while (end < text_.size() && (is_name_begin(text_[end]) || is_digit(text_[end]))) ++end;
      add(TokenKind::kName, text_.substr(begin, end - begin));
      pos_ = end;
    } else if (is_digit(c)) {
      lex_number();
    } else if (c == '\'' || c == '"') {
      lex_string(c);
    } else {
      lex_operator();
    }
  }

  void lex_number() {
    size_t end = pos_;
    while (end < text_.size() && is_digit(text_[end])) ++end;
    const auto next = [&](size_t offset) { return end + offset < text_.size() ? text_[end + offset] : ' '; };
    const bool real = (next(0) == '.' && is_digit(next(1))) || next(0) == 'e' || next(0) == 'E';
    if (real) fail_here("a floating-point literal is not supported");
    if (is_name_begin(next(0)) || (text_[pos_] == '0' && end - pos_ > 1))
      fail_here("only decimal integers are supported");
    add(TokenKind::kInteger, text_.substr(pos_, end - pos_));
    pos_ = end;
  }

  void lex_operator() {
    static constexpr std::string_view kDouble[] = {"//", "**", "==", "!=", ">=", "<="};
    static constexpr std::string_view kSingle = "+-/*%~[](){}><=.:|,;";
    for (const std::string_view name : kDouble) {
      if (!at(name)) continue;
      add(TokenKind::kOperator, std::string(name));
      pos_ += name.size();
      return;
    }
    const char c = text_[pos_];
    if (kSingle.find(c) == kSingle.npos) {
      fail_here(
          fmt::format("the unexpected character {}", quote(text_.substr(pos_, code_point_at(text_, pos_).n_bytes))));
    }
    balance(c);
    add(TokenKind::kOperator, std::string(1, c));
    ++pos_;
  }

  void balance(char c) {
    static constexpr std::string_view kOpen = "([{";
    static constexpr std::string_view kClose = ")]}";
    if (kOpen.find(c) != kOpen.npos) brackets_.push_back(c);
    const size_t index = kClose.find(c);
    if (index == kClose.npos) return;
    if (brackets_.empty() || brackets_.back() != kOpen[index]) fail_here(fmt::format("an unexpected '{}'", c));
    brackets_.pop_back();
  }

  void lex_string(char quote_mark) {
    std::string value;
    size_t pos = pos_ + 1;
    while (true) {
      if (pos >= text_.size()) fail_here("a string has no end");
      const char c = text_[pos++];
      if (c == quote_mark) break;
      if (c == '\\') {
        pos = lex_escape(pos, value);
      } else {
        value.push_back(c);
      }
    }
    add(TokenKind::kString, std::move(value));
    pos_ = pos;
  }

  // Python's escapes, pos behind the backslash. Those that are none keep it.
  size_t lex_escape(size_t pos, std::string& value) {
    if (pos >= text_.size()) fail_here("a string has no end");
    const char c = text_[pos];
    static constexpr std::string_view kNames = "\\'\"abfnrtv";
    static constexpr std::string_view kValues = "\\'\"\a\b\f\n\r\t\v";
    if (const size_t index = kNames.find(c); index != kNames.npos) {
      value.push_back(kValues[index]);
      return pos + 1;
    }
    if (c == '\n') return pos + 1;
    if (c == 'x' || c == 'u' || c == 'U') return lex_code(pos + 1, c == 'x' ? 2 : c == 'u' ? 4 : 8, 16, value);
    if (c >= '0' && c <= '7') {
      size_t n_digits = 1;
      while (n_digits < 3 && pos + n_digits < text_.size() && text_[pos + n_digits] >= '0' &&
             text_[pos + n_digits] <= '7') {
        ++n_digits;
      }
      return lex_code(pos, n_digits, 8, value);
    }
    if (c == 'N' || static_cast<unsigned char>(c) >= 0x80)
      fail_here("an escape that is not supported stands in a string");
    value.push_back('\\');
    return pos;
  }

  size_t lex_code(size_t pos, size_t n_digits, int base, std::string& value) {
    uint32_t code = 0;
    const char* begin = text_.data() + std::min(pos, text_.size());
    const char* end = text_.data() + std::min(pos + n_digits, text_.size());
    const auto result = std::from_chars(begin, end, code, base);
    const bool whole = result.ec == std::errc() && result.ptr == begin + n_digits;
    if (!whole || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
      fail_here("a malformed escape stands in a string");
    append_utf8(code, value);
    return pos + n_digits;
  }

  std::string text_;
  size_t pos_ = 0;
  size_t counted_ = 0;
  size_t line_ = 1;
  bool line_starting_ = true;  // the tag before took the line's newline along
  std::vector<char> brackets_;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  if (const auto offset = find_invalid_utf8(source)) {
    fail(ErrorKind::kInput, "ill-formed UTF-8 at byte {}", *offset);
  }
  return Lexer(source).run();
}

}  // namespace proxima::jinja
