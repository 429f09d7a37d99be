// SPDX-License-Identifier: MIT
#include <nlohmann/json.hpp>
#include <set>

#include "apps/eval/ruler_samples.h"
#include "core/error.h"
#include "core/json_file.h"

namespace proxima {
namespace {

using nlohmann::json;

const json& member(const json& object, const char* key, const std::string& where) {
  if (!object.is_object() || !object.contains(key)) fail(ErrorKind::kInput, "{}: lacks \"{}\"", where, key);
  return object[key];
}

std::string text_member(const json& object, const char* key, const std::string& where) {
  const json& value = member(object, key, where);
  if (!value.is_string()) fail(ErrorKind::kInput, "{}: \"{}\" must be a text", where, key);
  return value.get<std::string>();
}

const json& list_member(const json& object, const char* key, const std::string& where) {
  const json& value = member(object, key, where);
  if (!value.is_array()) fail(ErrorKind::kInput, "{}: \"{}\" must be a list", where, key);
  return value;
}

// data[].paragraphs[]: context, qas[]: question, answers[].text; questions without an answer are left out.
void read_squad(const json& file, const std::string& path, std::vector<RulerQuestion>& questions,
                std::set<std::string>& documents) {
  size_t number = 0;
  for (const json& article : list_member(file, "data", path)) {
    const std::string where = fmt::format("{}: data[{}]", path, number++);
    for (const json& paragraph : list_member(article, "paragraphs", where)) {
      const std::string context = text_member(paragraph, "context", where);
      documents.insert(context);
      for (const json& asked : list_member(paragraph, "qas", where)) {
        RulerQuestion question{text_member(asked, "question", where), {}, {context}};
        for (const json& answer : list_member(asked, "answers", where)) {
          question.answers.push_back(text_member(answer, "text", where));
        }
        if (!question.answers.empty()) questions.push_back(std::move(question));
      }
    }
  }
}

// []: question, answer, context: [[title, [sentences]]]
void read_hotpot(const json& file, const std::string& path, std::vector<RulerQuestion>& questions,
                 std::set<std::string>& documents) {
  size_t number = 0;
  for (const json& asked : file) {
    const std::string where = fmt::format("{}: element {}", path, number++);
    RulerQuestion question{text_member(asked, "question", where), {text_member(asked, "answer", where)}, {}};
    for (const json& pair : list_member(asked, "context", where)) {
      const bool is_pair = pair.is_array() && pair.size() == 2 && pair[0].is_string() && pair[1].is_array();
      if (!is_pair) fail(ErrorKind::kInput, "{}: \"context\" must hold pairs of a title and sentences", where);
      std::string document = pair[0].get<std::string>() + "\n";
      for (const json& sentence : pair[1]) document += sentence.is_string() ? sentence.get<std::string>() : "";
      documents.insert(document);
      question.documents.push_back(document);
    }
    questions.push_back(std::move(question));
  }
}

}  // namespace

std::vector<RulerQuestion> read_ruler_questions(const std::string& path, std::vector<std::string>& others) {
  const json file = read_json_file(path);
  std::vector<RulerQuestion> questions;
  std::set<std::string> documents;
  if (file.is_object()) {
    read_squad(file, path, questions, documents);
  } else if (file.is_array()) {
    read_hotpot(file, path, questions, documents);
  }
  if (questions.empty()) fail(ErrorKind::kInput, "{}: holds no questions as SQuAD or HotpotQA have them", path);
  others.assign(documents.begin(), documents.end());
  return questions;
}

}  // namespace proxima
