// SPDX-License-Identifier: MIT
#include "apps/explore_samples.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json_file.h"

namespace proxima {
namespace {

using Ids = std::vector<TokenId>;

// What the tokenizer puts before a text.
Ids ids_before_text(const Tokenizer& tokenizer) {
  const Ids plain = tokenizer.encode("x", {.add_special = false});
  const Ids full = tokenizer.encode("x");
  return {full.begin(), std::ranges::search(full, plain).begin()};
}

size_t chosen_length(std::span<const Document> texts, std::span<const Ids> tokens, size_t n_before,
                     const SampleRequest& request) {
  const auto shortest = std::ranges::min_element(tokens, {}, &Ids::size);
  const size_t available = shortest->size() + n_before;
  if (!request.length) return std::min({available, request.most_length, kDefaultLength});
  if (*request.length > request.most_length) {
    fail(ErrorKind::kContext, "--length {} does not fit the context of {} tokens", *request.length,
         request.most_length);
  }
  if (*request.length > available) {
    fail(ErrorKind::kUsage, "{} has only {} tokens, --length asks for {}; give longer texts or a smaller length",
         texts[static_cast<size_t>(shortest - tokens.begin())].name, available, *request.length);
  }
  return *request.length;
}

std::string text_member(const nlohmann::json& task, const char* key, const std::string& where) {
  const auto found = task.is_object() ? task.find(key) : task.end();
  if (!task.is_object() || found == task.end() || !found->is_string() || found->get_ref<const std::string&>().empty()) {
    fail(ErrorKind::kInput, "{}: a task needs a text \"{}\"; each line is {{\"context\": ..., \"answer\": ...}}", where,
         key);
  }
  return found->get<std::string>();
}

Sample task_of(std::string_view line, const std::string& where, const Tokenizer& tokenizer, size_t most_length) {
  const nlohmann::json task = parse_json(line, where);
  Sample sample{tokenizer.encode(text_member(task, "context", where)), 0, {}};
  sample.targets = tokenizer.encode(text_member(task, "answer", where), {.add_special = false});
  sample.n_scored = sample.targets.size();
  sample.ids.insert(sample.ids.end(), sample.targets.begin(), sample.targets.end() - 1);
  if (sample.ids.size() > most_length) {
    fail(ErrorKind::kContext, "{}: {} tokens do not fit the context of {}", where, sample.ids.size(), most_length);
  }
  return sample;
}

}  // namespace

std::vector<Sample> cut_samples(std::span<const Document> texts, const Tokenizer& tokenizer,
                                const SampleRequest& request) {
  const Ids before = ids_before_text(tokenizer);
  std::vector<Ids> tokens;
  for (const Document& text : texts) tokens.push_back(tokenizer.encode(text.text, {.add_special = false}));
  const size_t length = chosen_length(texts, tokens, before.size(), request);
  if (length <= before.size() || request.n_queries >= length) {
    fail(ErrorKind::kUsage, "samples of {} tokens are too short for the last {} queries (--queries)", length,
         request.n_queries);
  }
  const size_t wanted = request.n_samples.value_or(kDefaultSamples);
  const size_t n_text = length - before.size();  // tokens of the text in each window
  std::vector<Sample> samples;
  for (const Ids& text : tokens) {
    for (size_t begin = 0; begin + n_text <= text.size() && samples.size() < wanted; begin += n_text) {
      samples.push_back({before, request.n_queries, {}});
      const auto first = text.begin() + static_cast<std::ptrdiff_t>(begin);
      samples.back().ids.insert(samples.back().ids.end(), first, first + static_cast<std::ptrdiff_t>(n_text));
    }
  }
  if (request.n_samples && samples.size() < wanted) {
    fail(ErrorKind::kUsage, "the texts hold {} samples of {} tokens, --samples asks for {}; give more text",
         samples.size(), length, wanted);
  }
  return samples;
}

std::vector<Sample> read_tasks(const std::string& path, const Tokenizer& tokenizer, size_t most_length) {
  const Document file = read_document(path);
  std::vector<Sample> tasks;
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

std::string samples_digest(std::span<const Sample> samples) {
  uint64_t hash = 0xCBF29CE484222325U;  // FNV-1a, number by number
  const auto add = [&hash](uint64_t value) {
    for (int byte = 0; byte < 8; ++byte) hash = (hash ^ (value >> (8 * byte) & 0xFF)) * 0x100000001B3U;
  };
  for (const Sample& sample : samples) {
    add(sample.ids.size());
    for (const TokenId id : sample.ids) add(id);
    add(sample.n_scored);
    add(sample.targets.size());
    for (const TokenId id : sample.targets) add(id);
  }
  return fmt::format("{:016x}", hash);
}

}  // namespace proxima
