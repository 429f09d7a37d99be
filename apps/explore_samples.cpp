// SPDX-License-Identifier: MIT
#include "apps/explore_samples.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/text_windows.h"
#include "core/error.h"
#include "core/fnv1a.h"
#include "core/json_file.h"

namespace proxima {
namespace {

std::string text_member(const nlohmann::json& task, const char* key, const std::string& where) {
  const auto found = task.is_object() ? task.find(key) : task.end();
  if (!task.is_object() || found == task.end() || !found->is_string() || found->get_ref<const std::string&>().empty()) {
    fail(ErrorKind::kInput, "{}: a task needs a text \"{}\"; each line is {{\"context\": ..., \"answer\": ...}}", where,
         key);
  }
  return found->get<std::string>();
}

ExploreSample task_of(std::string_view line, const std::string& where, const Tokenizer& tokenizer, size_t most_length) {
  const nlohmann::json task = parse_json(line, where);
  ExploreSample sample{tokenizer.encode(text_member(task, "context", where)), 0, {}};
  sample.targets = tokenizer.encode(text_member(task, "answer", where), {.add_special = false});
  sample.n_scored = sample.targets.size();
  sample.ids.insert(sample.ids.end(), sample.targets.begin(), sample.targets.end() - 1);
  if (sample.ids.size() > most_length) {
    fail(ErrorKind::kContext, "{}: {} tokens do not fit the context of {}", where, sample.ids.size(), most_length);
  }
  return sample;
}

}  // namespace

std::vector<ExploreSample> cut_samples(std::span<const Document> texts, const Tokenizer& tokenizer,
                                       const SampleRequest& request) {
  const TokenizedTexts tokenized = tokenize_texts(texts, tokenizer);
  const size_t length = window_length(texts, tokenized, request.length, request.most_length, kDefaultLength);
  if (length <= tokenized.before.size() || request.n_queries >= length) {
    fail(ErrorKind::kUsage, "samples of {} tokens are too short for the last {} queries (--queries)", length,
         request.n_queries);
  }
  const size_t wanted = request.n_samples.value_or(kDefaultSamples);
  std::vector<ExploreSample> samples;
  for (std::vector<TokenId>& ids : cut_texts(tokenized, length, wanted)) {
    samples.push_back({std::move(ids), request.n_queries, {}});
  }
  if (request.n_samples && samples.size() < wanted) {
    fail(ErrorKind::kUsage, "the texts hold {} samples of {} tokens, --samples asks for {}; give more text",
         samples.size(), length, wanted);
  }
  return samples;
}

std::vector<ExploreSample> read_tasks(const std::string& path, const Tokenizer& tokenizer, size_t most_length) {
  const Document file = read_document(path);
  std::vector<ExploreSample> tasks;
  size_t number = 0;
  for (size_t begin = 0; begin < file.text.size();) {
    const size_t end = std::min(file.text.find('\n', begin), file.text.size());
    const std::string_view line = std::string_view(file.text).substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    tasks.push_back(task_of(line, fmt::format("{}:{}", path, number), tokenizer, most_length));
  }
  if (tasks.empty()) fail(ErrorKind::kInput, "{}: holds no tasks", path);
  return tasks;
}

std::string samples_digest(std::span<const ExploreSample> samples) {
  Fnv1a hash;
  for (const ExploreSample& sample : samples) {
    hash.add<uint64_t>(sample.ids.size());
    for (const TokenId id : sample.ids) hash.add<uint64_t>(id);
    hash.add<uint64_t>(sample.n_scored);
    hash.add<uint64_t>(sample.targets.size());
    for (const TokenId id : sample.targets) hash.add<uint64_t>(id);
  }
  return hash.text();
}

}  // namespace proxima
