// SPDX-License-Identifier: MIT
#include "model/normalizer.h"

#include <nlohmann/json.hpp>

#include "core/json_file.h"
#include "model/json_keys.h"
#include "model/unicode.h"

namespace proxima {
namespace {

constexpr size_t kMaxDepth = 8;
// A hostile chain of Replace steps could double the text at every step.
constexpr size_t kMaxContentBytes = 1024;
constexpr size_t kMaxGrowth = 64;

}  // namespace

template <class Json>
void Normalizer::add(const Json& component, const std::string& where, size_t depth) {
  if (depth > kMaxDepth) fail(ErrorKind::kInput, "{} is nested too deeply", where);
  const std::string type = type_of(component, where);
  const std::string name = where + " " + type;
  if (type == "NFC") {
    refuse_unknown_keys(component, name, {"type"});
    steps_.push_back({Kind::kNfc, {}, {}});
  } else if (type == "Prepend") {
    refuse_unknown_keys(component, name, {"type", "prepend"});
    steps_.push_back({Kind::kPrepend, {}, string_at(component, name, "prepend")});
  } else if (type == "Replace") {
    refuse_unknown_keys(component, name, {"type", "pattern", "content"});
    const Json pattern = component.value("pattern", Json());
    refuse_unknown_keys(pattern, name + " pattern", {"String"});
    steps_.push_back({Kind::kReplace, string_at(pattern, name, "String"), string_at(component, name, "content")});
    if (steps_.back().pattern.empty()) fail(ErrorKind::kInput, "{} has an empty pattern", name);
  } else if (type == "Sequence") {
    refuse_unknown_keys(component, name, {"type", "normalizers"});
    const Json parts = component.value("normalizers", Json());
    if (!parts.is_array()) fail(ErrorKind::kInput, "{} needs the list 'normalizers'", name);
    for (const Json& part : parts) add(part, where, depth + 1);
  } else {
    fail(ErrorKind::kInput, "{} is not supported", name);
  }
  if (!steps_.empty() && steps_.back().content.size() > kMaxContentBytes) {
    fail(ErrorKind::kInput, "{} puts in more than {} bytes", name, kMaxContentBytes);
  }
}

Normalizer Normalizer::parse(std::string_view json) {
  Normalizer normalizer;
  const auto component = parse_json(json, "normalizer");
  if (!component.is_null()) normalizer.add(component, "normalizer", 0);
  return normalizer;
}

std::string Normalizer::apply(std::string_view text) const {
  std::string out(text);
  const size_t limit = kMaxGrowth * (text.size() + kMaxContentBytes);
  for (const Step& step : steps_) {
    if (out.empty()) return out;
    switch (step.kind) {
      case Kind::kNfc:
        out = to_nfc(out);
        break;
      case Kind::kPrepend:
        out.insert(0, step.content);
        break;
      case Kind::kReplace:
        out = replace_all(out, step.pattern, step.content, limit);
        break;
    }
  }
  return out;
}

std::string replace_all(std::string_view text, std::string_view pattern, std::string_view content, size_t limit) {
  std::string out;
  out.reserve(text.size());
  size_t pos = 0;
  while (true) {
    const size_t found = text.find(pattern, pos);
    out += text.substr(pos, found == text.npos ? found : found - pos);
    if (found == text.npos) return out;
    out += content;
    if (out.size() > limit)
      fail(ErrorKind::kInput, "replacing {} makes the text more than {} bytes", quote(pattern), limit);
    pos = found + pattern.size();
  }
}

}  // namespace proxima
