// SPDX-License-Identifier: MIT
#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/eval/answer_metrics.h"
#include "apps/eval/benchmark.h"
#include "apps/eval/edit_similarity.h"
#include "apps/eval/rouge_sets.h"
#include "core/error.h"
#include "core/quote.h"

namespace proxima {
namespace {

enum class Metric { kQaF1, kRougeL, kClassification, kCount, kRetrieval, kRetrievalZh, kEdit, kNeedsSegmenter };

struct LongbenchSet {
  std::string_view name;
  Metric metric;
  size_t n_predict;
  bool chat = true;
  bool first_line = false;  // only that of the prediction counts
};

constexpr std::array<LongbenchSet, 21> kSets = {{{"narrativeqa", Metric::kQaF1, 128},
                                                 {"qasper", Metric::kQaF1, 128},
                                                 {"multifieldqa_en", Metric::kQaF1, 64},
                                                 {"hotpotqa", Metric::kQaF1, 32},
                                                 {"2wikimqa", Metric::kQaF1, 32},
                                                 {"musique", Metric::kQaF1, 32},
                                                 {"gov_report", Metric::kRougeL, 512},
                                                 {"qmsum", Metric::kRougeL, 512},
                                                 {"multi_news", Metric::kRougeL, 512},
                                                 {"trec", Metric::kClassification, 64, false, true},
                                                 {"triviaqa", Metric::kQaF1, 32, false, true},
                                                 {"samsum", Metric::kRougeL, 128, false, true},
                                                 {"passage_count", Metric::kCount, 32},
                                                 {"passage_retrieval_en", Metric::kRetrieval, 32},
                                                 {"lcc", Metric::kEdit, 64, false},
                                                 {"repobench-p", Metric::kEdit, 64, false},
                                                 {"multifieldqa_zh", Metric::kNeedsSegmenter, 64},
                                                 {"dureader", Metric::kNeedsSegmenter, 128},
                                                 {"vcsum", Metric::kNeedsSegmenter, 512},
                                                 {"lsht", Metric::kClassification, 64, false, true},
                                                 {"passage_retrieval_zh", Metric::kRetrievalZh, 32}}};

double score_one(Metric metric, const std::string& prediction, const std::string& answer,
                 const std::vector<std::string>& classes) {
  switch (metric) {
    case Metric::kQaF1:
      return qa_f1(prediction, answer);
    case Metric::kRougeL:
      return longbench_rouge_l(prediction, answer);
    case Metric::kClassification:
      return classification_score(prediction, answer, classes);
    case Metric::kCount:
      return count_score(prediction, answer);
    case Metric::kRetrieval:
      return retrieval_score(prediction, answer);
    case Metric::kRetrievalZh:
      return retrieval_score(prediction, answer, "\xe6\xae\xb5\xe8\x90\xbd");
    case Metric::kEdit:
      return edit_similarity(prediction, answer);
    case Metric::kNeedsSegmenter:
      break;
  }
  return 0;
}

std::string first_line(const std::string& text) {
  const size_t begin = std::min(text.find_first_not_of('\n'), text.size());
  return text.substr(begin, text.find('\n', begin) - begin);
}

const LongbenchSet& find_set(const std::string& name, const std::string& where) {
  const auto found = std::ranges::find(kSets, name, &LongbenchSet::name);
  if (found == kSets.end()) fail(ErrorKind::kInput, "{}: \"dataset\" {} is none of LongBench's", where, quote(name));
  if (found->metric == Metric::kNeedsSegmenter) {
    fail(ErrorKind::kInput, "{}: {} is scored by Chinese words, and there is no segmenter here", where, name);
  }
  return *found;
}

}  // namespace

BenchmarkFile read_longbench(const std::string& path) {
  BenchmarkFile file;
  each_json_line(path, [&](const nlohmann::json& line, const std::string& where) {
    const LongbenchSet& set = find_set(line_text(line, "dataset", where), where);
    const auto answers = line_texts(line, "answers", where);
    std::vector<std::string> classes;
    if (set.metric == Metric::kClassification) classes = line_texts(line, "all_classes", where);
    BenchmarkItem& item = file.items.emplace_back();
    item.set = set.name;
    item.key = fmt::format("{} {}", set.name, file.items.size() - 1);
    item.templates = {item.set};
    item.fields = {{"context", line_text(line, "context", where)}, {"input", line_text(line, "input", where)}};
    item.chat = set.chat;
    item.rules = {.n_predict = set.n_predict};
    if (set.name == "samsum") item.rules = {.n_predict = set.n_predict, .stop_at_newline = true, .n_at_least = 1};
    if (line.contains("length") && line["length"].is_number()) {
      const double length = line["length"];
      item.bucket = length < 4000 ? "0-4k" : length < 8000 ? "4-8k" : "8k+";
    }
    item.score = [&set, answers, classes](const std::string& prediction) {
      const std::string text = set.first_line ? first_line(prediction) : prediction;
      return best_score(answers, [&](const std::string& each) { return score_one(set.metric, text, each, classes); });
    };
    try {
      item.score("");  // what cannot be scored is found out before hours of work
    } catch (const Error& error) {
      fail(error.kind(), "{}: {}", where, error.what());
    }
  });
  return file;
}

}  // namespace proxima
