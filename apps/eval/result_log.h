// SPDX-License-Identifier: MIT
// Results kept one JSON object a line, so that an interrupted evaluation goes on where it stopped:
//   {"run": "<digest of the settings>", "settings": {...}}
//   {"run": "...", "key": "window 3", "result": {...}}
// One file may hold runs of many settings: a result counts only for the settings it was made with. Each line is
// appended with one write; a last line that a killed process left unfinished is dropped.
#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <utility>

namespace proxima {

class ResultLog {
 public:
  // An empty path: the results live in memory only. Throws Error(kInput) for a file that is no such log and
  // Error(kOutput) for one that cannot be written.
  explicit ResultLog(const std::string& path);
  ~ResultLog();
  ResultLog(const ResultLog&) = delete;
  ResultLog& operator=(const ResultLog&) = delete;

  // What follows was made, and is looked up, with these settings. Returns their digest.
  const std::string& use(const nlohmann::ordered_json& settings);

  // The JSON text of a result made with the settings in use; null where there is none.
  const std::string* find(const std::string& key) const;
  void add(const std::string& key, const nlohmann::ordered_json& result);  // throws Error(kOutput)

  const std::string& path() const { return path_; }

 private:
  void read_lines();
  void append(const std::string& line);

  std::string path_;
  int descriptor_ = -1;
  std::string run_;
  std::set<std::string> known_runs_;
  std::map<std::pair<std::string, std::string>, std::string> results_;  // (run, key) -> JSON text
};

}  // namespace proxima
