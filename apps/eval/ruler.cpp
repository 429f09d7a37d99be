// SPDX-License-Identifier: MIT
#include "apps/eval/ruler.h"

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/eval/answer_metrics.h"
#include "apps/eval/grid_values.h"
#include "apps/eval/haystack.h"
#include "apps/eval/result_log.h"
#include "apps/eval/settings.h"
#include "apps/eval/unit_progress.h"
#include "apps/eval/word_lists.h"
#include "apps/eval/words.h"
#include "apps/input.h"
#include "apps/option_values.h"
#include "apps/text_output.h"
#include "core/error.h"
#include "core/quote.h"

namespace proxima {
namespace {

using nlohmann::ordered_json;

constexpr size_t kEssayWords = 100000;  // of synthetic prose; used again from the beginning where that is too short

std::vector<std::string> chosen_tasks(const RulerOptions& options) {
  std::vector<std::string> tasks;
  if (options.tasks.empty()) {
    for (const std::string_view task : kRulerTasks) {
      const bool has_data = task == "qa_1" ? !options.squad.empty() : task == "qa_2" ? !options.hotpot.empty() : true;
      if (has_data) tasks.emplace_back(task);
    }
    return tasks;
  }
  for (const std::string& task : split_at(options.tasks, ',')) {
    if (std::ranges::find(kRulerTasks, task) == kRulerTasks.end()) {
      fail(ErrorKind::kUsage, "--tasks: {} is none of RULER's: {}", quote(task), fmt::join(kRulerTasks, ", "));
    }
    if (task == "qa_1" && options.squad.empty()) fail(ErrorKind::kUsage, "qa_1 needs --squad FILE");
    if (task == "qa_2" && options.hotpot.empty()) fail(ErrorKind::kUsage, "qa_2 needs --hotpot FILE");
    tasks.push_back(task);
  }
  return tasks;
}

RulerSources read_sources(const std::string& task, const RulerOptions& options) {
  RulerSources sources;
  if (ruler_needs_essay(task)) {
    RandomStream random(options.seed, "essay");
    std::string text = options.haystack.empty() ? "" : read_text_folder(options.haystack);
    for (size_t n = 0; options.haystack.empty() && n < kEssayWords / 10; ++n) text += random_sentence(random) + " ";
    sources.essay_words = split_words(text);
  }
  if (task == "qa_1") sources.questions = read_ruler_questions(options.squad, sources.documents);
  if (task == "qa_2") sources.questions = read_ruler_questions(options.hotpot, sources.documents);
  return sources;
}

// Samples of one task and length, each as large as fits.
class SampleMaker {
 public:
  SampleMaker(const Session& session, const Tokenizer& tokenizer, const PromptWriter& writer,
              const RulerOptions& options, std::string task, size_t length)
      : session_(session),
        tokenizer_(tokenizer),
        writer_(writer),
        options_(options),
        task_(std::move(task)),
        length_(length),
        sources_(read_sources(task_, options)),
        scale_(ruler_scale(task_, length, sources_)) {}

  const RulerScale& scale() const { return scale_; }

  // Finds the size that fits, once for all samples.
  void find_size() {
    const auto found = largest_fitting(scale_, [&](size_t size) { return fits(ask(sample(size, 0))); });
    if (!found) fail_too_long(0);
    size_ = *found;
  }

  // A sample that happens to be longer than the one that the size was found with gets smaller.
  std::pair<RulerSample, Question> make(size_t index) const {
    for (size_t size = size_;; size -= scale_.step) {
      RulerSample made = sample(size, index);
      Question question = ask(made);
      if (fits(question)) return {std::move(made), std::move(question)};
      if (size < scale_.first + scale_.step) fail_too_long(index);
    }
  }

 private:
  [[noreturn]] void fail_too_long(size_t index) const {
    fail(ErrorKind::kUsage,
         "{}: sample {} does not fit {} tokens even at its smallest; choose longer --lengths, or other --tasks", task_,
         index, length_);
  }
  RulerSample sample(size_t size, size_t index) const {
    return ruler_sample(task_, size, length_, index, sources_,
                        RandomStream(options_.seed, fmt::format("{} {} {}", task_, length_, index)));
  }
  Question ask(const RulerSample& made) const {
    return make_question(session_, tokenizer_, writer_, made.text, made.context_bytes, made.answer_begin);
  }
  bool fits(const Question& question) const {
    return question.ids.size() + (scale_.reserves ? scale_.n_predict : 0) <= length_ &&
           question.ids.size() + scale_.n_predict <= session_.context_limit(question.ids.size());
  }

  const Session& session_;
  const Tokenizer& tokenizer_;
  const PromptWriter& writer_;
  const RulerOptions& options_;
  std::string task_;
  size_t length_;
  RulerSources sources_;
  RulerScale scale_;
  size_t size_ = 0;
};

ordered_json run_sample(const std::string& task, size_t length, size_t index, const SampleMaker& maker,
                        const Asker& asker) {
  const auto [sample, question] = maker.make(index);
  const std::string what = fmt::format("{} {} sample {}", task, length, index);
  const auto answer = asker.ask(what, {question}, {.n_predict = maker.scale().n_predict}).front();
  ordered_json result = {{"task", task},
                         {"index", index},
                         {"length", question.ids.size() + maker.scale().n_predict},
                         {"outputs", sample.outputs}};
  result.update(to_json(answer));
  result["score"] =
      ruler_any_answer_counts(task) ? match_part(answer.text, sample.outputs) : match_all(answer.text, sample.outputs);
  return result;
}

std::string table_text(const std::vector<std::string>& tasks, const std::vector<size_t>& lengths,
                       const std::vector<std::vector<double>>& scores) {
  std::string text = fmt::format("{:<16}", "task");
  for (const size_t length : lengths) text += fmt::format("{:>10}", length);
  text += '\n';
  std::vector<double> sums(lengths.size());
  for (size_t row = 0; row < tasks.size(); ++row) {
    text += fmt::format("{:<16}", tasks[row]);
    for (size_t column = 0; column < lengths.size(); ++column) {
      text += fmt::format("{:>10.2f}", 100 * scores[row][column]);
      sums[column] += scores[row][column];
    }
    text += '\n';
  }
  text += fmt::format("{:<16}", "average");
  for (const double sum : sums) text += fmt::format("{:>10.2f}", 100 * sum / static_cast<double>(tasks.size()));
  return text + "\n";
}

}  // namespace

std::optional<size_t> largest_fitting(const RulerScale& scale, const std::function<bool(size_t size)>& fits) {
  const auto size_of = [&](size_t steps) { return std::min(scale.first + steps * scale.step, scale.most); };
  if (scale.first > scale.most || !fits(scale.first)) return std::nullopt;
  const size_t n_steps = (scale.most - scale.first) / scale.step;  // SIZE_MAX where there is no end
  size_t fitting = 0;
  size_t beyond = 1;
  while (beyond <= n_steps && fits(size_of(beyond))) {
    fitting = beyond;
    beyond *= 2;
  }
  beyond = std::min(beyond, n_steps + 1);
  while (beyond - fitting > 1) {
    const size_t middle = fitting + (beyond - fitting) / 2;
    (fits(size_of(middle)) ? fitting : beyond) = middle;
  }
  return size_of(fitting);
}

void declare_ruler(CLI::App& app, RulerOptions& options) {
  declare_eval(app, options);
  app.add_option("--lengths", options.lengths, "tokens of prompt and answer: 4k,8k or 4k:32k:4k")->type_name("LIST");
  app.add_option("--tasks", options.tasks, "comma-separated (default: all; qa_1 with --squad, qa_2 with --hotpot)")
      ->type_name("LIST");
  add_count(app, "--samples", options.n_samples, "of each task and length (published: 500)", {1, kMaxCount});
  const auto set_seed = [&options](const std::string& text) {
    options.seed = parse_count("--seed", text, 0, UINT64_MAX);
  };
  app.add_option_function<std::string>("-s,--seed", set_seed, "of the samples")->type_name("N")->default_str("42");
  app.add_option("--haystack", options.haystack, "folder of essays as .txt (default: prose made of our own words)")
      ->type_name("DIR");
  app.add_option("--squad", options.squad, "SQuAD's JSON file, for qa_1")->type_name("FILE");
  app.add_option("--hotpot", options.hotpot, "HotpotQA's JSON file, for qa_2")->type_name("FILE");
  app.add_flag("--raw", options.raw, "no chat template");
  add_select_with_option(app, options.select_with);
  add_limit(app, "--min-score", options.min_score, "exit code 1 if the average of a length is below this");
  app.footer(
      "The tasks are made as RULER makes them, with wording and words of our own: compare caches with them, not with\n"
      "published figures.\n"
      "Example: proxima eval ruler -m DIR --lengths 4k,8k --samples 50 --cache pod --map map.json -o ruler.jsonl");
}

void eval_ruler(const RulerOptions& options) {
  if (options.lengths.empty()) fail(ErrorKind::kUsage, "how long? Give --lengths, for example 4k,8k");
  const auto tasks = chosen_tasks(options);
  const auto lengths = parse_lengths("--lengths", options.lengths);
  const Session session(options.common);
  const size_t limit = session.context_limit(1);
  if (lengths.back() > limit)
    fail(ErrorKind::kContext, "a length of {} does not fit the context of {} tokens", lengths.back(), limit);
  session.check("ruler", lengths.back() - 1, 1);
  const Tokenizer tokenizer = Tokenizer::open(session.model().dir);
  PromptOptions prompt_options;
  prompt_options.raw = options.raw;
  const PromptWriter writer(prompt_options, session.model().dir);
  ordered_json settings = {{"command", "ruler"}};
  settings.update(run_settings(session, options.cache_flags()));
  settings["seed"] = options.seed;
  settings["raw"] = options.raw;
  settings["select_with"] = select_with_name(options.select_with);
  settings["haystack"] = options.haystack.empty() ? "synthetic" : text_digest(read_text_folder(options.haystack));
  if (!options.squad.empty()) settings["squad"] = text_digest(read_document(options.squad).text);
  if (!options.hotpot.empty()) settings["hotpot"] = text_digest(read_document(options.hotpot).text);
  ResultLog log(options.results);
  log.use(settings);
  const Asker asker(session, tokenizer, options.select_with);
  // What does not fit is found out before anything is asked.
  std::vector<SampleMaker> makers;
  for (const std::string& task : tasks) {
    for (const size_t length : lengths) {
      makers.emplace_back(session, tokenizer, writer, options, task, length).find_size();
    }
  }

  UnitProgress progress("samples", tasks.size() * lengths.size() * options.n_samples, options.common.quiet,
                        options.results);
  std::vector<std::vector<double>> scores(tasks.size(), std::vector<double>(lengths.size()));
  for (size_t row = 0; row < tasks.size(); ++row) {
    for (size_t column = 0; column < lengths.size(); ++column) {
      const SampleMaker& maker = makers[row * lengths.size() + column];
      double sum = 0;
      for (size_t index = 0; index < options.n_samples; ++index) {
        const std::string key = fmt::format("{} {} {}", tasks[row], lengths[column], index);
        progress.run(log.find(key) != nullptr,
                     [&] { log.add(key, run_sample(tasks[row], lengths[column], index, maker, asker)); });
        sum += ordered_json::parse(*log.find(key)).at("score").get<double>();
      }
      scores[row][column] = sum / static_cast<double>(options.n_samples);
    }
  }
  if (options.json) {
    write_json({{"tasks", tasks}, {"lengths", lengths}, {"scores", scores}, {"settings", settings}});
  } else {
    write_output(table_text(tasks, lengths, scores));
  }
  for (size_t column = 0; options.min_score && column < lengths.size(); ++column) {
    double sum = 0;
    for (const auto& row : scores) sum += 100 * row[column];
    if (sum / static_cast<double>(tasks.size()) < *options.min_score) {
      fail(ErrorKind::kLimit, "the average at {} tokens is {:.2f}, below --min-score {}", lengths[column],
           sum / static_cast<double>(tasks.size()), *options.min_score);
    }
  }
}

}  // namespace proxima
