// SPDX-License-Identifier: MIT
#include "core/json_file.h"

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "core/error.h"
#include "core/mapped_file.h"
#include "core/quote.h"

namespace proxima {

namespace {

constexpr int kMaxDepth = 100;
constexpr size_t kMaxReason = 200;  // the parser quotes what it read last, which may be a megabyte of string

// "[json.exception.parse_error.101] parse error at line 1, column 5: ..." without the bracket.
std::string reason_of(const nlohmann::json::exception& error) {
  std::string reason = error.what();
  if (const size_t bracket = reason.find("] "); bracket != std::string::npos) reason.erase(0, bracket + 2);
  if (reason.size() > kMaxReason) reason = reason.substr(0, kMaxReason) + "...";
  return reason;
}

// Watches the parser's events; keys_ holds the keys seen in each object that is still open.
class Strictness {
 public:
  explicit Strictness(const std::string& where) : where_(where) {}

  bool operator()(int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (depth > kMaxDepth) fail(ErrorKind::kInput, "{}: JSON nested deeper than {} levels", where_, kMaxDepth);
    if (event == Event::object_start) keys_.emplace_back();
    if (event == Event::object_end) keys_.pop_back();
    if (event == Event::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys_.back().insert(key).second) {
        fail(ErrorKind::kInput, "{}: the key {} appears twice in one JSON object", where_, quote(key));
      }
    }
    return true;
  }

 private:
  const std::string& where_;
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

nlohmann::json parse_json(std::string_view text, const std::string& where) {
  // The parser takes a NUL for the end of the text and would ignore whatever follows.
  if (const size_t nul = text.find('\0'); nul != std::string_view::npos) {
    fail(ErrorKind::kInput, "{}: not valid JSON: NUL at byte {}", where, nul);
  }
  try {
    return nlohmann::json::parse(text.begin(), text.end(), Strictness(where));
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorKind::kInput, "{}: not valid JSON: {}", where, reason_of(error));
  }
}

nlohmann::json read_json_file(const std::filesystem::path& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  return parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string());
}

}  // namespace proxima
