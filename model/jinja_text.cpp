// SPDX-License-Identifier: MIT
#include "model/jinja_text.h"

#include <charconv>
#include <cmath>

#include "model/json_cursor.h"
#include "model/unicode.h"
#include "model/utf8.h"

namespace proxima::jinja {
namespace {

// Python's repr of a float: the shortest digits, with an exponent below 1e-4 and from 1e16.
std::string float_text(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), number, std::chars_format::scientific).ptr;
  std::string text(buffer, end);
  const size_t mark = text.find('e');
  const int exponent = std::stoi(text.substr(mark + 1));
  if (exponent < -4 || exponent >= 16) return text;
  const auto fixed = std::to_chars(buffer, buffer + sizeof(buffer), number, std::chars_format::fixed).ptr;
  text.assign(buffer, fixed);
  return text.find('.') == text.npos ? text + ".0" : text;
}

// The text of a number, or "" where the value is none.
std::string number_text(const Value& value) {
  if (const auto* integer = value.get<int64_t>()) return fmt::format("{}", *integer);
  if (const auto* big = value.get<BigInteger>()) return *big->digits;
  if (const auto* real = value.get<double>()) return float_text(*real);
  return {};
}

void append_python_string(std::string_view text, std::string& out) {
  const char quote = text.find('\'') != text.npos && text.find('"') == text.npos ? '"' : '\'';
  out.push_back(quote);
  for (size_t pos = 0; pos < text.size();) {
    const CodePoint point = code_point_at(text, pos);
    const auto code = static_cast<uint32_t>(point.value);
    if (code == '\n' || code == '\r' || code == '\t') {
      out += code == '\n' ? "\\n" : code == '\r' ? "\\r" : "\\t";
    } else if (code == '\\' || code == static_cast<uint32_t>(quote)) {
      out.push_back('\\');
      out.push_back(static_cast<char>(code));
    } else if (is_printable(point.value)) {
      out += text.substr(pos, point.n_bytes);
    } else if (code < 0x100) {
      out += fmt::format("\\x{:02x}", code);
    } else if (code < 0x10000) {
      out += fmt::format("\\u{:04x}", code);
    } else {
      out += fmt::format("\\U{:08x}", code);
    }
    pos += point.n_bytes;
  }
  out.push_back(quote);
}

void append_json_string(std::string_view text, std::string& out) {
  static constexpr std::string_view kPlain = "\"\\\n\r\t\f\b";
  static constexpr std::string_view kNames = "\"\\nrtfb";
  out.push_back('"');
  for (const char c : text) {
    if (const size_t index = kPlain.find(c); index != kPlain.npos) {
      out.push_back('\\');
      out.push_back(kNames[index]);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

class Writer {
 public:
  enum class Form { kPython, kJson };
  Writer(Form form, int indent, Budget& budget) : form_(form), indent_(indent), budget_(budget) {}

  void write(const Value& value) {
    const size_t n_before = out_.size();
    if (const auto* text = value.text()) {
      budget_.charge(text->size());
      form_ == Form::kJson ? append_json_string(*text, out_) : append_python_string(*text, out_);
    } else if (value.is_none()) {
      out_ += form_ == Form::kJson ? "null" : "None";
    } else if (const auto* boolean = value.get<bool>()) {
      out_ += form_ == Form::kJson ? (*boolean ? "true" : "false") : (*boolean ? "True" : "False");
    } else if (const auto* list = value.as<List>()) {
      write_items(list->items, "[", "]");
    } else if (const auto* tuple = value.as<Tuple>()) {
      const bool brackets = form_ == Form::kJson;
      write_items(tuple->items, brackets ? "[" : "(", brackets ? "]" : tuple->items.size() == 1 ? ",)" : ")");
    } else if (const auto* dict = value.as<Dict>()) {
      write_dict(*dict);
    } else if (const std::string number = number_text(value); !number.empty()) {
      out_ += number;
    } else {
      problem("a value of type {} cannot be written{}", type_name(value), form_ == Form::kJson ? " as JSON" : "");
    }
    budget_.charge(out_.size() - n_before);
  }

  std::string take() { return std::move(out_); }

 private:
  void new_line() {
    if (indent_ < 0) return;
    out_.push_back('\n');
    out_.append(depth_ * static_cast<size_t>(indent_), ' ');
  }

  template <class Items, class WriteItem>
  void write_all(const Items& items, std::string_view open, std::string_view close, const WriteItem& write_item) {
    out_ += open;
    if (!items.empty()) {
      ++depth_;
      bool first = true;
      for (const auto& item : items) {
        if (!first) out_ += indent_ < 0 ? ", " : ",";
        first = false;
        new_line();
        write_item(item);
      }
      --depth_;
      new_line();
    }
    out_ += close;
  }

  void write_items(const std::vector<Value>& items, std::string_view open, std::string_view close) {
    write_all(items, open, close, [this](const Value& item) { write(item); });
  }

  void write_dict(const Dict& dict) {
    write_all(dict.items, "{", "}", [this](const auto& item) {
      write(Value::string(item.first));
      out_ += ": ";
      write(item.second);
    });
  }

  Form form_;
  int indent_;
  Budget& budget_;
  size_t depth_ = 0;
  std::string out_;
};

Value read_number(JsonCursor& cursor) {
  const std::string_view text = cursor.read_number();
  if (text.find_first_of(".eE") == text.npos) {
    int64_t integer = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), integer).ec == std::errc())
      return Value::integer(integer);
    return Value::Variant(BigInteger{std::make_shared<const std::string>(text)});
  }
  double number = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc::result_out_of_range) {
    cursor.fail_here("a number out of range");
  }
  return Value::Variant(number);
}

Value read_value(JsonCursor& cursor, size_t depth) {
  if (depth > kMaxValueDepth - 2) cursor.fail_here("nesting too deep");
  switch (cursor.peek()) {
    case '"':
      return Value::string(std::string(cursor.read_string()));
    case 't':
    case 'f':
      return Value::boolean(cursor.read_bool());
    case 'n':
      cursor.read_null();
      return {};
    case '[': {
      std::vector<Value> items;
      cursor.enter_array();
      while (cursor.next_element()) items.push_back(read_value(cursor, depth + 1));
      return make_list(std::move(items));
    }
    case '{': {
      Dict dict;
      cursor.enter_object();
      for (std::string_view key; cursor.next_key(key);) {
        std::string name(key);
        dict.set(std::move(name), read_value(cursor, depth + 1));
      }
      return make_dict(std::move(dict));
    }
    default:
      return read_number(cursor);
  }
}

}  // namespace

std::string to_text(const Value& value, Budget& budget) {
  if (value.is_undefined()) return {};
  if (const auto* text = value.text()) {
    budget.charge(text->size());
    return *text;
  }
  Writer writer(Writer::Form::kPython, -1, budget);
  writer.write(value);
  return writer.take();
}

std::string to_json(const Value& value, int indent, Budget& budget) {
  Writer writer(Writer::Form::kJson, indent, budget);
  writer.write(value);
  return writer.take();
}

Value from_json(std::string_view json) {
  JsonCursor cursor(json);
  Value value = read_value(cursor, 0);
  cursor.expect_end();
  return value;
}

}  // namespace proxima::jinja
