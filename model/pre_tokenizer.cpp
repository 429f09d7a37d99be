// SPDX-License-Identifier: MIT
#include "model/pre_tokenizer.h"

#include <nlohmann/json.hpp>

#include "core/json_file.h"
#include "model/json_keys.h"
#include "model/normalizer.h"
#include "model/unicode.h"
#include "model/utf8.h"

namespace proxima {
namespace {

constexpr size_t kMaxDepth = 8;
// GPT-2's pattern, which ByteLevel has built in.
constexpr std::string_view kByteLevelPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

using Pieces = std::vector<std::string_view>;

void push(Pieces& pieces, std::string_view text, size_t begin, size_t end) {
  if (begin < end) pieces.push_back(text.substr(begin, end - begin));
}

void split_digits(std::string_view text, Pieces& pieces) {
  size_t begin = 0;
  for (size_t pos = 0; pos < text.size();) {
    const CodePoint point = code_point_at(text, pos);
    const size_t end = pos + point.n_bytes;
    if (is_numeric(point.value)) {
      push(pieces, text, begin, pos);
      push(pieces, text, pos, end);
      begin = end;
    }
    pos = end;
  }
  push(pieces, text, begin, text.size());
}

// find(from) gives the next match; matches and what lies between them are pieces of their own. A match that merges
// with the previous piece does so only if that piece is no match.
template <class Find>
void split_matches(std::string_view text, bool merge_with_previous, const Find& find, Pieces& pieces) {
  size_t begin = 0;
  size_t from = 0;
  while (from <= text.size()) {
    const std::optional<RegexMatch> match = find(from);
    if (!match) break;
    if (merge_with_previous && begin < match->begin) {
      push(pieces, text, begin, match->end);
    } else {
      push(pieces, text, begin, match->begin);
      push(pieces, text, match->begin, match->end);
    }
    begin = match->end;
    from = match->end;
    if (match->end == match->begin) from += from < text.size() ? code_point_at(text, from).n_bytes : 1;
  }
  push(pieces, text, begin, text.size());
}

}  // namespace

template <class Json>
void PreTokenizer::add(const Json& component, size_t depth) {
  const std::string type = type_of(component, "pre_tokenizer");
  if (depth > kMaxDepth) fail(ErrorKind::kInput, "pre_tokenizer is nested too deeply");
  if (byte_level_) fail(ErrorKind::kInput, "pre_tokenizer {} behind ByteLevel is not supported", type);
  if (type == "Sequence") {
    refuse_unknown_keys(component, "pre_tokenizer Sequence", {"type", "pretokenizers"});
    const Json parts = component.value("pretokenizers", Json());
    if (!parts.is_array()) fail(ErrorKind::kInput, "pre_tokenizer Sequence needs the list 'pretokenizers'");
    for (const Json& part : parts) add(part, depth + 1);
  } else if (type == "Digits") {
    refuse_unknown_keys(component, "pre_tokenizer Digits", {"type", "individual_digits"});
    require_bool(component, "pre_tokenizer Digits", "individual_digits", true);
    steps_.push_back({Kind::kDigits, {}, {}});
  } else if (type == "Split") {
    add_split(component);
  } else if (type == "Metaspace") {
    add_metaspace(component, depth);
  } else if (type == "ByteLevel") {
    add_byte_level(component);
  } else {
    fail(ErrorKind::kInput, "pre_tokenizer {} is not supported", type);
  }
}

template <class Json>
void PreTokenizer::add_split(const Json& component) {
  const std::string where = "pre_tokenizer Split";
  refuse_unknown_keys(component, where, {"type", "pattern", "behavior", "invert"});
  require_bool(component, where, "invert", false);
  const std::string behavior = string_at(component, where, "behavior");
  if (behavior != "Isolated" && behavior != "MergedWithPrevious") {
    fail(ErrorKind::kInput, "{}: behavior {} is not supported", where, quote(behavior));
  }
  Step step{behavior == "Isolated" ? Kind::kIsolated : Kind::kMergedWithPrevious, {}, {}};
  const Json pattern = component.value("pattern", Json());
  refuse_unknown_keys(pattern, where + " pattern", {"Regex", "String"});
  if (pattern.size() != 1) fail(ErrorKind::kInput, "{} needs one pattern, a Regex or a String", where);
  if (pattern.contains("Regex")) {
    step.regex.emplace(string_at(pattern, where + " pattern", "Regex"));
  } else {
    step.literal = string_at(pattern, where + " pattern", "String");
    if (step.literal.empty()) fail(ErrorKind::kInput, "{} has an empty pattern", where);
  }
  steps_.push_back(std::move(step));
}

template <class Json>
void PreTokenizer::add_metaspace(const Json& component, size_t depth) {
  const std::string where = "pre_tokenizer Metaspace";
  refuse_unknown_keys(component, where, {"type", "replacement", "prepend_scheme", "split"});
  if (depth > 0) fail(ErrorKind::kInput, "{} inside a Sequence is not supported", where);
  const std::string scheme = string_at(component, where, "prepend_scheme");
  if (scheme != "first") fail(ErrorKind::kInput, "{}: prepend_scheme {} is not supported", where, quote(scheme));
  if (bool_at(component, where, "split", true)) fail(ErrorKind::kInput, "{}: split = true is not supported", where);
  metaspace_ = string_at(component, where, "replacement");
  if (count_code_points(*metaspace_) != 1) fail(ErrorKind::kInput, "{}: replacement is not one character", where);
}

template <class Json>
void PreTokenizer::add_byte_level(const Json& component) {
  const std::string where = "pre_tokenizer ByteLevel";
  refuse_unknown_keys(component, where, {"type", "add_prefix_space", "trim_offsets", "use_regex"});
  require_bool(component, where, "add_prefix_space", false);
  byte_level_ = true;
  if (bool_at(component, where, "use_regex", true)) {
    steps_.push_back({Kind::kIsolated, std::make_optional<Regex>(kByteLevelPattern), {}});
  }
}

PreTokenizer PreTokenizer::parse(std::string_view json) {
  PreTokenizer pre_tokenizer;
  const auto component = parse_json(json, "pre_tokenizer");
  if (!component.is_null()) pre_tokenizer.add(component, 0);
  return pre_tokenizer;
}

std::string PreTokenizer::rewrite(std::string_view text, bool at_start) const {
  std::string out = replace_all(text, " ", *metaspace_, text.size() * metaspace_->size());
  if (at_start && !out.starts_with(*metaspace_)) out.insert(0, *metaspace_);
  return out;
}

std::vector<std::string_view> PreTokenizer::split(std::string_view text, RegexScratch& scratch) const {
  Pieces pieces;
  push(pieces, text, 0, text.size());
  for (const Step& step : steps_) {
    const Pieces whole = std::move(pieces);
    pieces = {};
    for (const std::string_view part : whole) {
      if (step.kind == Kind::kDigits) {
        split_digits(part, pieces);
        continue;
      }
      const auto find = [&](size_t from) -> std::optional<RegexMatch> {
        if (step.regex) return step.regex->find(part, from, scratch);
        const size_t found = part.find(step.literal, from);
        if (found == part.npos) return std::nullopt;
        return RegexMatch{found, found + step.literal.size()};
      };
      split_matches(part, step.kind == Kind::kMergedWithPrevious, find, pieces);
    }
  }
  return pieces;
}

}  // namespace proxima
