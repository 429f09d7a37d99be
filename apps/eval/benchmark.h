// SPDX-License-Identifier: MIT
// Files of LongBench, LEval and InfiniteBench as their authors publish them: each line becomes questions, each with its
// prompt's fields, the metric of its set and the number of new tokens. Prompt templates are the user's.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "apps/eval/asker.h"

namespace proxima {

inline constexpr std::array<std::string_view, 3> kBenchmarks = {"longbench", "leval", "infinitebench"};

// What goes where a prompt is too long.
enum class Cut {
  kPromptMiddle,   // the middle of the prompt's tokens
  kDocumentRight,  // the last words of the document
  kDocumentLeft,   // the first ones
};

struct BenchmarkItem {
  std::string set;
  std::string key;                            // unique in the file
  std::string bucket;                         // LongBench-E: by length; empty otherwise
  std::vector<std::string> templates;         // the first one that the user's file has is taken
  std::map<std::string, std::string> fields;  // {context} among them
  Cut cut = Cut::kPromptMiddle;
  bool chat = true;  // in the chat template
  AnswerRules rules;
  std::function<double(const std::string& prediction)> score;  // in [0, 1]
};

struct BenchmarkFile {
  std::vector<BenchmarkItem> items;
  size_t n_dropped = 0;  // questions that no program can score (LEval: human, LLM)
};

// Each throws Error(kInput), naming file, line and key, for what is missing or of a wrong kind, and for a set that it
// does not know or cannot score.
BenchmarkFile read_longbench(const std::string& path);
BenchmarkFile read_leval(const std::string& path);
BenchmarkFile read_infinitebench(const std::string& path);

// Calls visit(object, "FILE:LINE") for each line.
void each_json_line(const std::string& path,
                    const std::function<void(const nlohmann::json& line, const std::string& where)>& visit);
// Members of a line; throw Error(kInput) naming `where` and the key.
std::string line_text(const nlohmann::json& line, const char* key, const std::string& where);
std::vector<std::string> line_texts(const nlohmann::json& line, const char* key, const std::string& where);

// The best score over several expected answers.
template <class Metric>
double best_score(const std::vector<std::string>& answers, Metric metric) {
  double best = 0;
  for (const std::string& answer : answers) best = std::max(best, metric(answer));
  return best;
}

}  // namespace proxima
