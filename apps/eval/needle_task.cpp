// SPDX-License-Identifier: MIT
#include "apps/eval/needle_task.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/eval/answer_metrics.h"
#include "apps/eval/prompt_template.h"
#include "apps/eval/settings.h"
#include "apps/eval/word_lists.h"
#include "core/error.h"

namespace proxima {
namespace {

using nlohmann::ordered_json;

constexpr size_t kDigits = 4;
constexpr int kMostFits = 8;  // attempts to make a document fit its length

// The recommended grid, as far as the context reaches; a toy needs shorter ones.
std::vector<size_t> default_lengths(size_t limit) {
  std::vector<size_t> lengths;
  for (const size_t length : {256U, 512U, 768U}) {
    if (limit < 4096 && length <= limit) lengths.push_back(length);
  }
  for (const size_t thousands : {1U, 2U, 4U, 8U, 12U, 16U, 20U, 24U, 28U, 32U}) {
    if (thousands * 1024 <= limit) lengths.push_back(thousands * 1024);
  }
  return lengths;
}

PromptOptions prompt_options(const NeedleOptions& options) {
  PromptOptions prompt;
  prompt.raw = options.raw || options.style.raw;
  return prompt;
}

void check_style(const NeedleOptions& options) {
  const NeedleStyle& style = options.style;
  if (with_fact(style.answer, 0, "x", "0").empty())
    fail(ErrorKind::kUsage, "an empty --answer would be found everywhere");
  const bool varies = style.needle.find("{name}") != std::string::npos;
  if (options.n_facts > 1 && !varies) {
    fail(ErrorKind::kUsage,
         "--facts {} needs needles that differ: write {{name}} and {{value}} into --needle, "
         "--question and --answer",
         options.n_facts);
  }
  if (options.n_facts > options.depths.size()) {
    fail(ErrorKind::kUsage, "--facts {} is more than the {} depths: each fact of a document has its own",
         options.n_facts, options.depths.size());
  }
}

}  // namespace

std::string NeedleDocument::key() const {
  std::string text = fmt::format("needle length {} repeat {} depths", length, repeat);
  for (const double depth : depths) text += fmt::format(" {:g}", depth);
  return text;
}

NeedleTask::NeedleTask(const Session& session, const Tokenizer& tokenizer, NeedleOptions options)
    : session_(session),
      tokenizer_(tokenizer),
      options_(std::move(options)),
      writer_(prompt_options(options_), session.model().dir),
      haystack_(tokenizer, options_.haystack, options_.seed) {
  check_style(options_);
  const size_t limit = session.context_limit(1);
  if (options_.lengths.empty()) options_.lengths = default_lengths(limit);
  if (options_.lengths.empty() || options_.lengths.back() > limit) {
    fail(ErrorKind::kContext, "a length of {} does not fit the context of {} tokens",
         options_.lengths.empty() ? 0 : options_.lengths.back(), limit);
  }
  const size_t n_documents = (options_.depths.size() + options_.n_facts - 1) / options_.n_facts;
  for (const size_t length : options_.lengths) {
    for (size_t repeat = 0; repeat < options_.n_repeats; ++repeat) {
      for (size_t first = 0; first < n_documents; ++first) {
        NeedleDocument& document = documents_.emplace_back(NeedleDocument{length, repeat, {}});
        // Far from each other: every n-th depth.
        for (size_t index = first; index < options_.depths.size(); index += n_documents) {
          document.depths.push_back(options_.depths[index]);
        }
      }
    }
  }
}

void NeedleTask::add_settings(ordered_json& settings) const {
  const NeedleStyle& style = options_.style;
  settings["seed"] = options_.seed;
  settings["facts"] = options_.n_facts;
  settings["haystack"] = haystack_.digest();
  settings["style"] = text_digest(style.needle + '\0' + style.before + '\0' + style.after + '\0' + style.question +
                                  '\0' + style.answer + '\0' + style.prompt);
  settings["predict"] = options_.n_predict;
  settings["buffer"] = options_.buffer ? ordered_json(*options_.buffer) : ordered_json("exact");
  settings["raw"] = options_.raw || style.raw;
  settings["select_with"] = select_with_name(options_.select_with);
}

std::vector<NeedleTask::Fact> NeedleTask::facts_of(const NeedleDocument& document) const {
  RandomStream random(options_.seed, document.key());
  std::vector<Fact> facts;
  std::vector<std::string> names;
  for (const double depth : document.depths) {
    std::string name;
    do {
      name = random_name(options_.style, random);
    } while (std::ranges::find(names, name) != names.end());
    names.push_back(name);
    const std::string value = random_digits(random, kDigits);
    const auto filled = [&](const std::string& text) { return with_fact(text, facts.size(), name, value); };
    facts.push_back(
        {depth, filled(options_.style.needle), filled(options_.style.question), filled(options_.style.answer)});
  }
  return facts;
}

size_t insertion_index(size_t n_haystack, double depth, const std::function<bool(size_t)>& is_place) {
  if (depth >= 100) return n_haystack;
  auto index = static_cast<size_t>(std::floor(static_cast<double>(n_haystack) * depth / 100));
  while (index > 0 && !is_place(index)) --index;
  return index;
}

std::string text_with_needles(const Tokenizer& tokenizer, std::span<const TokenId> haystack, const NeedleStyle& style,
                              std::span<const PlacedNeedle> needles) {
  const TokenId period = tokenizer.encode("x.", {.add_special = false}).back();
  const std::string prose = tokenizer.decode(haystack);
  // Bytes of the first tokens; a token alone may be spelt without its blank.
  const auto n_bytes = [&](size_t index) {
    return std::min(tokenizer.decode(haystack.first(index)).size(), prose.size());
  };
  const auto begins_blank = [&](size_t at) { return at == prose.size() || prose[at] == ' ' || prose[at] == '\n'; };
  const auto place_of = [&](const PlacedNeedle& needle) {
    const auto is_place = [&](size_t index) { return haystack[index - 1] == period && begins_blank(n_bytes(index)); };
    return n_bytes(insertion_index(haystack.size(), needle.depth, is_place));
  };
  const bool inline_needles = style.before.empty() && style.after.empty();
  std::string text;
  size_t begin = 0;
  for (size_t index = 0; index < needles.size(); ++index) {
    const size_t end = place_of(needles[index]);
    text += prose.substr(begin, end - begin);
    // Inline needles are set off by a blank, and so is the haystack's beginning from what precedes it.
    text += (inline_needles && !text.empty() ? " " : style.before) + needles[index].text;
    const bool another = index + 1 < needles.size() && place_of(needles[index + 1]) == end;
    text += style.after.empty() && !another && !begins_blank(end) ? " " : style.after;
    begin = end;
  }
  return text + prose.substr(begin);
}

std::string NeedleTask::document_text(const NeedleDocument& document, const std::vector<Fact>& facts,
                                      size_t n_haystack) {
  std::vector<PlacedNeedle> needles;
  for (const Fact& fact : facts) needles.push_back({fact.depth, fact.needle});
  return text_with_needles(tokenizer_, haystack_.tokens(n_haystack, document.repeat), options_.style, needles);
}

// One for all facts where they have the same.
std::vector<Question> NeedleTask::questions_in(const std::string& context, const std::vector<Fact>& facts) const {
  const bool same = std::ranges::all_of(facts, [&](const Fact& fact) { return fact.question == facts[0].question; });
  std::vector<Question> questions;
  for (const Fact& fact : std::span(facts).first(same ? 1 : facts.size())) {
    const FilledTemplate prompt =
        fill_template(options_.style.prompt, {{"context", context}, {"question", fact.question}}, "needle prompt");
    questions.push_back(make_question(session_, tokenizer_, writer_, prompt.text, prompt.context_bytes));
  }
  return questions;
}

std::vector<Question> NeedleTask::questions_of(const NeedleDocument& document, const std::vector<Fact>& facts) {
  const auto longest = [](const std::vector<Question>& questions) {
    return std::ranges::max_element(questions, {}, [](const Question& each) { return each.ids.size(); })->ids.size();
  };
  std::string needles;
  for (const Fact& fact : facts) needles += options_.style.before + fact.needle + options_.style.after + " ";
  const size_t n_needles = tokenizer_.encode(needles, {.add_special = false}).size();
  const size_t n_frame = options_.buffer ? *options_.buffer : longest(questions_in("", facts)) + options_.n_predict;
  const auto too_short = [&]() {
    fail(ErrorKind::kUsage,
         "a length of {} leaves no room for a haystack beside {} tokens of needles and {} of prompt "
         "and answer",
         document.length, n_needles, n_frame);
  };
  if (document.length <= n_frame + n_needles) too_short();
  size_t n_haystack = document.length - n_frame - n_needles;
  std::vector<Question> questions = questions_in(document_text(document, facts, n_haystack), facts);
  // Tokens merge or split where texts meet.
  for (int attempt = 0; !options_.buffer && attempt < kMostFits; ++attempt) {
    const size_t n_all = longest(questions) + options_.n_predict;
    if (n_all <= document.length) break;
    if (n_all - document.length >= n_haystack) too_short();
    n_haystack -= n_all - document.length;
    questions = questions_in(document_text(document, facts, n_haystack), facts);
  }
  return questions;
}

ordered_json NeedleTask::run(const Session& session, const NeedleDocument& document) {
  const auto facts = facts_of(document);
  const auto questions = questions_of(document, facts);
  const Asker asker(session, tokenizer_, options_.select_with);
  const auto answers = asker.ask(document.key(), questions, {.n_predict = options_.n_predict, .stop_at_newline = true});
  ordered_json results = ordered_json::array();
  for (size_t index = 0; index < facts.size(); ++index) {
    const AskedAnswer& answer = answers[answers.size() == 1 ? 0 : index];
    ordered_json result = {{"length", document.length},
                           {"depth", facts[index].depth},
                           {"question", facts[index].question},
                           {"expected", facts[index].answer}};
    result.update(to_json(answer));
    result["score"] = needle_phrase(answer.text, facts[index].answer);
    result["overlap"] = needle_overlap(answer.text, facts[index].answer, true);
    result["overlap_with_punctuation"] = needle_overlap(answer.text, facts[index].answer, false);
    results.push_back(std::move(result));
  }
  return results;
}

std::string NeedleTask::tasks() {
  const auto begin = tokenizer_.encode("");  // what is put before every text again
  std::string lines;
  for (size_t index = 0; index < documents_.size(); ++index) {
    const auto facts = facts_of(documents_[index]);
    const auto questions = questions_of(documents_[index], facts);
    const size_t asked = index % questions.size();
    const std::vector<TokenId>& ids = questions[asked].ids;
    const std::string context = tokenizer_.decode(std::span(ids).subspan(std::min(begin.size(), ids.size())));
    if (tokenizer_.encode(context) != ids) {
      fail(ErrorKind::kUsage, "{}: its text is not read back as the same tokens", documents_[index].key());
    }
    std::string answer = facts[asked].answer;
    if (questions.size() == 1) {
      for (const Fact& fact : std::span(facts).subspan(1)) answer += " " + fact.answer;
      answer += with_fact(options_.style.end, facts.size(), "", "");
    }
    lines += ordered_json{{"context", context}, {"answer", answer}}.dump() + '\n';
  }
  return lines;
}

std::vector<std::vector<double>> needle_grid(const NeedleOptions& options, const std::vector<ordered_json>& results,
                                             const char* figure) {
  std::vector<std::vector<double>> sums(options.depths.size(), std::vector<double>(options.lengths.size()));
  auto counts = sums;
  for (const ordered_json& document : results) {
    for (const ordered_json& result : document) {
      const auto row = static_cast<size_t>(std::ranges::find(options.depths, result.at("depth").get<double>()) -
                                           options.depths.begin());
      const auto column = static_cast<size_t>(std::ranges::find(options.lengths, result.at("length").get<size_t>()) -
                                              options.lengths.begin());
      sums.at(row).at(column) += result.at(figure).get<double>();
      ++counts[row][column];
    }
  }
  for (size_t row = 0; row < sums.size(); ++row) {
    for (size_t column = 0; column < sums[row].size(); ++column) sums[row][column] /= counts[row][column];  // 0/0: NaN
  }
  return sums;
}

}  // namespace proxima
