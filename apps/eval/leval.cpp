// SPDX-License-Identifier: MIT
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/eval/answer_metrics.h"
#include "apps/eval/benchmark.h"
#include "apps/eval/exam_metrics.h"
#include "apps/eval/google_rouge.h"
#include "apps/eval/words.h"
#include "core/error.h"
#include "core/quote.h"

namespace proxima {
namespace {

constexpr size_t kPredict = 512;

double exam_score(const std::string& set, const std::string& prediction, const std::string& answer) {
  if (set == "coursera") return choice_score(prediction, answer, true);
  if (set == "quality" || set == "tpo") return choice_score(prediction, answer, false);
  if (set == "gsm100") return final_number_score(prediction, answer);
  if (set == "codeU") return code_output_score(prediction, answer);
  return contained_score(prediction, answer);
}

// sci_fi: "True [fact: False]" is what the document says and what is true outside of it.
std::pair<std::string, std::string> loyalty_and_fact(const std::string& answer) {
  constexpr std::string_view kFact = "[fact:";
  const size_t at = answer.find(kFact);
  if (at == std::string::npos) return {answer, ""};
  const size_t begin = at + kFact.size();
  return {answer.substr(0, at), answer.substr(begin, answer.find(']', begin) - begin)};
}

BenchmarkItem base_item(const std::string& set, const std::string& document, const std::string& question,
                        const std::string& answer) {
  BenchmarkItem item;
  item.set = set;
  item.fields = {{"context", document}, {"question", question}};
  item.fields["length"] = std::to_string(split_words(answer).size());
  item.cut = set == "codeU" ? Cut::kDocumentLeft : Cut::kDocumentRight;
  item.rules = {.n_predict = kPredict};
  return item;
}

void add_question(BenchmarkFile& file, const std::string& set, const std::string& evaluation,
                  const std::string& document, const std::string& question, const std::string& answer,
                  const std::string& key) {
  const bool exam = evaluation == "exam";
  const auto [loyal, fact] = set == "sci_fi" ? loyalty_and_fact(answer) : std::pair(answer, std::string());
  BenchmarkItem item = base_item(set, document, question, answer);
  item.key = key;
  item.templates = {set, exam ? "closed" : "open"};
  item.score = [set, evaluation, expected = loyal](const std::string& prediction) {
    if (evaluation == "f1") return qa_f1(prediction, expected);
    if (evaluation == "rouge") return google_rouge_l(prediction, expected, false);
    return exam_score(set, prediction, expected);
  };
  file.items.push_back(std::move(item));
  if (fact.empty()) return;
  BenchmarkItem second = base_item(set, "", question, fact);
  second.key = key + " fact";
  second.templates = {set + "_fact"};
  second.score = [expected = fact](const std::string& prediction) { return contained_score(prediction, expected); };
  file.items.push_back(std::move(second));
}

}  // namespace

BenchmarkFile read_leval(const std::string& path) {
  const std::string set = std::filesystem::path(path).stem().string();
  BenchmarkFile file;
  size_t number = 0;
  each_json_line(path, [&](const nlohmann::json& line, const std::string& where) {
    const auto questions = line_texts(line, "instructions", where);
    const auto answers = line_texts(line, "outputs", where);
    const std::string document = line_text(line, "input", where);
    const std::string evaluation = line_text(line, "evaluation", where);
    if (questions.size() != answers.size()) {
      fail(ErrorKind::kInput, "{}: has {} instructions and {} outputs", where, questions.size(), answers.size());
    }
    const bool by_people = evaluation == "human" || evaluation == "LLM";
    if (!by_people && evaluation != "exam" && evaluation != "f1" && evaluation != "rouge") {
      fail(ErrorKind::kInput, "{}: \"evaluation\" {} is none of exam, f1, rouge, human, LLM", where, quote(evaluation));
    }
    if (by_people) file.n_dropped += questions.size();
    for (size_t i = 0; !by_people && i < questions.size(); ++i) {
      add_question(file, set, evaluation, document, questions[i], answers[i], fmt::format("{} {}", number, i));
    }
    ++number;
  });
  return file;
}

}  // namespace proxima
