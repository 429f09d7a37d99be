// SPDX-License-Identifier: MIT
#include "model/post_processor.h"

#include <nlohmann/json.hpp>
#include <string>

#include "core/json_file.h"
#include "model/json_keys.h"

namespace proxima {
namespace {

using Json = nlohmann::json;
constexpr size_t kMaxDepth = 8;

class Reader {
 public:
  void add(const Json& component, size_t depth) {
    const std::string type = type_of(component, "post_processor");
    if (depth > kMaxDepth) fail(ErrorKind::kInput, "post_processor is nested too deeply");
    if (type == "Sequence") {
      refuse_unknown_keys(component, "post_processor Sequence", {"type", "processors"});
      const Json parts = component.value("processors", Json());
      if (!parts.is_array()) fail(ErrorKind::kInput, "post_processor Sequence needs the list 'processors'");
      for (const Json& part : parts) add(part, depth + 1);
    } else if (type == "ByteLevel") {
      refuse_unknown_keys(component, "post_processor ByteLevel",
                          {"type", "add_prefix_space", "trim_offsets", "use_regex"});
    } else if (type == "TemplateProcessing") {
      add_template(component);
    } else {
      fail(ErrorKind::kInput, "post_processor {} is not supported", type);
    }
  }

  PostProcessor result;

 private:
  void add_template(const Json& component) {
    refuse_unknown_keys(component, kWhere, {"type", "single", "pair", "special_tokens"});
    if (has_template_) fail(ErrorKind::kInput, "two {} are not supported", kWhere);
    has_template_ = true;
    const Json single = component.value("single", Json());
    const Json special_tokens = component.value("special_tokens", Json::object());
    if (!single.is_array()) fail(ErrorKind::kInput, "{} needs the list 'single'", kWhere);
    size_t n_sequences = 0;
    for (const Json& part : single) {
      refuse_unknown_keys(part, kWhere, {"SpecialToken", "Sequence"});
      if (part.size() != 1) fail(ErrorKind::kInput, "{}: a part is neither SpecialToken nor Sequence", kWhere);
      const std::string id = string_at(part.front(), kWhere, "id");
      if (part.contains("Sequence")) {
        if (id != "A") fail(ErrorKind::kInput, "{}: sequence {} in 'single' is not supported", kWhere, quote(id));
        ++n_sequences;
      } else {
        append_ids(special_tokens, id, n_sequences == 0 ? result.before : result.after);
      }
    }
    if (n_sequences != 1) fail(ErrorKind::kInput, "{}: 'single' must hold the sequence A once", kWhere);
  }

  static void append_ids(const Json& special_tokens, const std::string& name, std::vector<TokenId>& ids) {
    const Json entry = special_tokens.is_object() ? special_tokens.value(name, Json()) : Json();
    const Json list = entry.is_object() ? entry.value("ids", Json()) : Json();
    if (!list.is_array()) fail(ErrorKind::kInput, "{}: special token {} has no list 'ids'", kWhere, quote(name));
    for (const Json& id : list) {
      if (!id.is_number_unsigned() || id.get<uint64_t>() > UINT32_MAX) {
        fail(ErrorKind::kInput, "{}: special token {} has an id that is none", kWhere, quote(name));
      }
      ids.push_back(id.get<TokenId>());
    }
  }

  static constexpr std::string_view kWhere = "post_processor TemplateProcessing";
  bool has_template_ = false;
};

}  // namespace

PostProcessor PostProcessor::parse(std::string_view json) {
  Reader reader;
  const auto component = parse_json(json, "post_processor");
  if (!component.is_null()) reader.add(component, 0);
  return reader.result;
}

}  // namespace proxima
