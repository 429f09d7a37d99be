// SPDX-License-Identifier: MIT
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/eval/answer_metrics.h"
#include "apps/eval/benchmark.h"
#include "apps/eval/exam_metrics.h"
#include "apps/eval/google_rouge.h"
#include "core/error.h"
#include "core/quote.h"

namespace proxima {
namespace {

struct InfiniteSet {
  std::string_view name;
  size_t n_predict;
};

constexpr std::array<InfiniteSet, 12> kSets = {{{"passkey", 6},
                                                {"number_string", 12},
                                                {"kv_retrieval", 50},
                                                {"longbook_qa_eng", 40},
                                                {"longbook_qa_chn", 40},
                                                {"longbook_choice_eng", 40},
                                                {"longbook_sum_eng", 1200},
                                                {"longdialogue_qa_eng", 40},
                                                {"code_debug", 5},
                                                {"code_run", 5},
                                                {"math_find", 3},
                                                {"math_calc", 30000}}};

double score(const std::string& set, const std::string& prediction, const std::vector<std::string>& answers,
             const std::string& letter) {
  const std::string& first = answers.front();
  if (set == "passkey" || set == "number_string") return first_digits_score(prediction, first);
  if (set == "kv_retrieval") return value_among_words(prediction, first);
  if (set == "longbook_qa_eng") return best_score(answers, [&](const auto& each) { return qa_f1(prediction, each); });
  if (set == "longbook_qa_chn") {
    return best_score(answers, [&](const auto& each) { return character_f1(prediction, each); });
  }
  if (set == "longbook_choice_eng") return option_score(prediction, letter, first);
  if (set == "longbook_sum_eng") return google_rouge_l_sum(prediction, first, false);
  if (set == "longdialogue_qa_eng") return any_name_score(prediction, answers);
  if (set == "code_debug") return function_score(prediction, letter, first);
  if (set == "code_run") return last_integer_score(prediction, first);
  if (set == "math_find") return first_number_score(prediction, first);
  return correct_prefix_score(prediction, answers);
}

// "answer" is a list, or, in some sets, one value.
std::vector<std::string> answers_of(nlohmann::json line, const std::string& where) {
  if (line.contains("answer") && !line["answer"].is_array()) line["answer"] = nlohmann::json::array({line["answer"]});
  return line_texts(line, "answer", where);
}

}  // namespace

BenchmarkFile read_infinitebench(const std::string& path) {
  const std::string set = std::filesystem::path(path).stem().string();
  const auto known = std::ranges::find(kSets, set, &InfiniteSet::name);
  if (known == kSets.end()) {
    fail(ErrorKind::kInput, "{}: the file's name must say which of InfiniteBench's tasks it is, such as passkey.jsonl",
         path);
  }
  BenchmarkFile file;
  each_json_line(path, [&](const nlohmann::json& line, const std::string& where) {
    const auto answers = answers_of(line, where);
    BenchmarkItem& item = file.items.emplace_back();
    item.set = set;
    item.key = std::to_string(file.items.size() - 1);
    item.templates = {set};
    const std::string question = line_text(line, "input", where);
    item.fields = {{"context", line_text(line, "context", where)}, {"input", question}, {"question", question}};
    item.rules = {.n_predict = known->n_predict};
    std::string letter;
    if (set == "longbook_choice_eng" || set == "code_debug") {
      const auto options = line_texts(line, "options", where);
      const auto found = std::ranges::find(options, answers.front());
      if (options.size() > 4 || found == options.end()) {
        fail(ErrorKind::kInput, "{}: \"answer\" {} is none of at most 4 \"options\"", where, quote(answers.front()));
      }
      letter = static_cast<char>('A' + (found - options.begin()));
      for (size_t i = 0; i < options.size(); ++i) {
        item.fields[std::string("OPTION_") + static_cast<char>('A' + static_cast<int>(i))] = options[i];
      }
    }
    item.score = [set, answers, letter](const std::string& prediction) {
      return score(set, prediction, answers, letter);
    };
  });
  return file;
}

}  // namespace proxima
