// SPDX-License-Identifier: MIT
#include "model/token_decoder.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/json_file.h"
#include "model/json_keys.h"
#include "model/normalizer.h"

namespace proxima {
namespace {

constexpr std::string_view kWhere = "decoder";
constexpr size_t kMaxContentBytes = 64;
constexpr size_t kMaxReplacements = 8;

// The byte of a token <0xNN>.
std::optional<char> fallback_byte(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return std::nullopt;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(token.data() + 3, token.data() + 5, value, 16);
  if (error != std::errc() || end != token.data() + 5) return std::nullopt;
  return static_cast<char>(value);
}

template <class Json>
std::pair<std::string, std::string> read_replace(const Json& component) {
  refuse_unknown_keys(component, "decoder Replace", {"type", "pattern", "content"});
  const Json pattern = component.value("pattern", Json());
  refuse_unknown_keys(pattern, "decoder Replace pattern", {"String"});
  auto result = std::make_pair(string_at(pattern, "decoder Replace pattern", "String"),
                               string_at(component, "decoder Replace", "content"));
  if (result.first.empty()) fail(ErrorKind::kInput, "decoder Replace has an empty pattern");
  if (result.second.size() > kMaxContentBytes) fail(ErrorKind::kInput, "decoder Replace puts in too long a text");
  return result;
}

template <class Json>
void check_strip(const Json& component) {
  refuse_unknown_keys(component, "decoder Strip", {"type", "content", "start", "stop"});
  const bool supported = string_at(component, "decoder Strip", "content") == " " &&
                         component.value("start", Json()) == 1 && component.value("stop", Json()) == 0;
  if (!supported) fail(ErrorKind::kInput, "decoder Strip is supported only with content ' ', start 1 and stop 0");
}

}  // namespace

template <class Json>
void TokenDecoder::add_sequence(const Json& component) {
  refuse_unknown_keys(component, "decoder Sequence", {"type", "decoders"});
  const Json parts = component.value("decoders", Json());
  if (!parts.is_array()) fail(ErrorKind::kInput, "decoder Sequence needs the list 'decoders'");
  enum class Stage { kReplace, kByteFallback, kFuse, kStrip };
  Stage stage = Stage::kReplace;
  for (const Json& part : parts) {
    const std::string type = type_of(part, kWhere);
    if (type == "Replace" && stage == Stage::kReplace && replacements_.size() < kMaxReplacements) {
      replacements_.push_back(read_replace(part));
    } else if (type == "ByteFallback" && stage == Stage::kReplace) {
      refuse_unknown_keys(part, "decoder ByteFallback", {"type"});
      stage = Stage::kByteFallback;
    } else if (type == "Fuse" && stage == Stage::kByteFallback) {
      refuse_unknown_keys(part, "decoder Fuse", {"type"});
      stage = Stage::kFuse;
    } else if (type == "Strip" && stage == Stage::kFuse) {
      check_strip(part);
      strip_first_space_ = true;
      stage = Stage::kStrip;
    } else {
      fail(ErrorKind::kInput, "decoder {} at this place of a Sequence is not supported", type);
    }
  }
  if (stage < Stage::kFuse) fail(ErrorKind::kInput, "decoder Sequence without ByteFallback and Fuse is not supported");
}

TokenDecoder TokenDecoder::parse(std::string_view json) {
  TokenDecoder decoder;
  const auto component = parse_json(json, "decoder");
  if (component.is_null()) fail(ErrorKind::kInput, "a tokenizer without a decoder is not supported");
  const std::string type = type_of(component, kWhere);
  if (type == "ByteLevel") {
    refuse_unknown_keys(component, "decoder ByteLevel", {"type", "add_prefix_space", "trim_offsets", "use_regex"});
    decoder.byte_level_ = true;
  } else if (type == "Sequence") {
    decoder.add_sequence(component);
  } else {
    fail(ErrorKind::kInput, "decoder {} is not supported", type);
  }
  return decoder;
}

TokenDecoder TokenDecoder::sentencepiece(bool strip_first_space) {
  TokenDecoder decoder;
  decoder.replacements_.emplace_back("\u2581", " ");
  decoder.strip_first_space_ = strip_first_space;
  return decoder;
}

void TokenDecoder::push(std::string_view token, DecodeState& state, std::string& out) const {
  std::string text;
  if (byte_level_) {
    alphabet_.append_bytes(token, text);
    return state.repairer.append(text, out);
  }
  text = token;
  for (const auto& [pattern, content] : replacements_) {
    text = replace_all(text, pattern, content, (text.size() + 1) * (kMaxContentBytes + 1));
  }
  if (const auto byte = fallback_byte(text)) {
    state.byte_run.push_back(*byte);
  } else {
    end_byte_run(state, out);
    write(text, state, out);
  }
}

void TokenDecoder::finish(DecodeState& state, std::string& out) const {
  state.repairer.finish(out);
  end_byte_run(state, out);
}

// A run that is not UTF-8 as a whole is one U+FFFD per byte, the well-formed parts included.
void TokenDecoder::end_byte_run(DecodeState& state, std::string& out) const {
  if (!find_invalid_utf8(state.byte_run)) {
    write(state.byte_run, state, out);
  } else {
    for (size_t count = state.byte_run.size(); count > 0; --count) write("\uFFFD", state, out);
  }
  state.byte_run.clear();
}

void TokenDecoder::write(std::string_view text, DecodeState& state, std::string& out) const {
  if (text.empty()) return;
  if (state.at_start && strip_first_space_ && text.front() == ' ') text.remove_prefix(1);
  state.at_start = false;
  out += text;
}

}  // namespace proxima
