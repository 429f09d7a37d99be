// SPDX-License-Identifier: MIT
#include "apps/eval/benchmark.h"

#include <nlohmann/json.hpp>

#include "apps/eval/words.h"
#include "apps/input.h"
#include "core/error.h"
#include "core/json_file.h"

namespace proxima {

using nlohmann::json;

void each_json_line(const std::string& path,
                    const std::function<void(const json& line, const std::string& where)>& visit) {
  size_t number = 0;
  for (const std::string& line : split_at(read_document(path).text, '\n')) {
    const std::string where = fmt::format("{}:{}", path, ++number);
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    const json object = parse_json(line, where);
    if (!object.is_object()) fail(ErrorKind::kInput, "{}: must be a JSON object", where);
    visit(object, where);
  }
}

std::string line_text(const json& line, const char* key, const std::string& where) {
  const auto found = line.find(key);
  if (found == line.end() || !found->is_string()) {
    fail(ErrorKind::kInput, "{}: needs a text \"{}\"", where, key);
  }
  return found->get<std::string>();
}

std::vector<std::string> line_texts(const json& line, const char* key, const std::string& where) {
  const auto found = line.find(key);
  const auto fail_here = [&]() { fail(ErrorKind::kInput, "{}: needs a list of texts \"{}\"", where, key); };
  if (found == line.end() || !found->is_array() || found->empty()) fail_here();
  std::vector<std::string> texts;
  for (const json& each : *found) {
    if (!each.is_string() && !each.is_number()) fail_here();
    texts.push_back(each.is_string() ? each.get<std::string>() : each.dump());
  }
  return texts;
}

}  // namespace proxima
