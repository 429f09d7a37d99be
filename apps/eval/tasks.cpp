// SPDX-License-Identifier: MIT
#include "apps/eval/tasks.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "apps/eval/prompt_template.h"
#include "apps/eval/result_log.h"
#include "apps/eval/settings.h"
#include "apps/eval/unit_progress.h"
#include "apps/eval/words.h"
#include "apps/input.h"
#include "apps/option_values.h"
#include "apps/text_output.h"
#include "core/error.h"
#include "core/json_file.h"
#include "core/quote.h"

namespace proxima {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr size_t kLevalRoom = 512;  // tokens that LEval leaves beside the document

using Templates = std::map<std::string, std::string>;

Templates read_templates(const std::string& path) {
  if (path.empty())
    fail(ErrorKind::kUsage, "which prompts? Give --templates FILE, the benchmark's own as {{\"set\": \"text\"}}");
  const json file = read_json_file(path);
  if (!file.is_object()) fail(ErrorKind::kInput, "{}: must be an object of templates", path);
  Templates templates;
  for (const auto& [name, text] : file.items()) {
    if (!text.is_string()) fail(ErrorKind::kInput, "{}: \"{}\" must be a text", path, name);
    templates[name] = text.get<std::string>();
  }
  return templates;
}

std::vector<BenchmarkItem> read_items(const TasksOptions& options, size_t& n_dropped) {
  constexpr std::array<BenchmarkFile (*)(const std::string&), 3> kReaders = {read_longbench, read_leval,
                                                                             read_infinitebench};
  if (!options.benchmark)
    fail(ErrorKind::kUsage, "which benchmark? Give --benchmark longbench, leval or infinitebench");
  if (options.data.empty()) fail(ErrorKind::kUsage, "which tasks? Give --data FILE");
  std::vector<BenchmarkItem> items;
  std::set<std::string> names;
  for (const std::string& path : options.data) {
    const std::string name = std::filesystem::path(path).stem().string();
    if (!names.insert(name).second) fail(ErrorKind::kUsage, "two files of --data are called {}", quote(name));
    BenchmarkFile file = kReaders[*options.benchmark](path);
    n_dropped += file.n_dropped;
    if (options.n_items && file.items.size() > *options.n_items) file.items.resize(*options.n_items);
    if (file.items.empty()) fail(ErrorKind::kInput, "{}: holds nothing to ask", path);
    for (BenchmarkItem& item : file.items) {
      item.key = name + " " + item.key;
      items.push_back(std::move(item));
    }
  }
  return items;
}

struct BuiltPrompt {
  Question question;
  size_t n_truncated = 0;  // tokens
};

class PromptBuilder {
 public:
  PromptBuilder(const Session& session, const Tokenizer& tokenizer, const TasksOptions& options, Templates templates)
      : session_(session),
        tokenizer_(tokenizer),
        options_(options),
        templates_(std::move(templates)),
        raw_(prompt_options(true), session.model().dir),
        chat_(prompt_options(options.raw), session.model().dir) {}

  BuiltPrompt build(const BenchmarkItem& item) const {
    const size_t limit = session_.context_limit(1);
    if (item.rules.n_predict >= limit) {
      fail(ErrorKind::kContext, "{}: {} new tokens leave no room in the context of {}", item.key, item.rules.n_predict,
           limit);
    }
    const size_t most = std::min(options_.max_prompt.value_or(SIZE_MAX), limit - item.rules.n_predict);
    return item.cut == Cut::kPromptMiddle ? build_cutting_prompt(item, most) : build_cutting_document(item, most);
  }

  const std::string& template_of(const BenchmarkItem& item) const {
    for (const std::string& name : item.templates) {
      if (const auto found = templates_.find(name); found != templates_.end()) return found->second;
    }
    fail(ErrorKind::kInput, "{}: has no template {}", options_.templates, quote(item.templates.front()));
  }

 private:
  static PromptOptions prompt_options(bool raw) {
    PromptOptions options;
    options.raw = raw;
    return options;
  }

  Question ask(const BenchmarkItem& item, const std::string& text, size_t context_bytes) const {
    return make_question(session_, tokenizer_, item.chat ? chat_ : raw_, text, context_bytes);
  }
  std::vector<TokenId> encode(const std::string& text) const { return tokenizer_.encode(text, {.add_special = false}); }

  // The first and the last half of the tokens, decoded and encoded again.
  BuiltPrompt build_cutting_prompt(const BenchmarkItem& item, size_t most) const {
    FilledTemplate prompt = fill_template(template_of(item), item.fields, options_.templates);
    BuiltPrompt built{ask(item, prompt.text, prompt.context_bytes), 0};
    const size_t n_frame = built.question.ids.size() - std::min(built.question.ids.size(), encode(prompt.text).size());
    if (built.question.ids.size() <= most) return built;
    const auto ids = encode(prompt.text);
    const size_t n_behind = prompt.text.size() - prompt.context_bytes;
    for (size_t kept = most - std::min(most, n_frame);; --kept) {
      const size_t half = kept / 2;
      if (half == 0) fail(ErrorKind::kContext, "{}: does not fit {} tokens", item.key, most);
      const std::string text =
          tokenizer_.decode(std::span(ids).first(half)) + tokenizer_.decode(std::span(ids).last(half));
      built.question = ask(item, text, text.size() - std::min(text.size(), n_behind));
      built.n_truncated = ids.size() - 2 * half;
      if (built.question.ids.size() <= most) return built;  // parts may encode to more tokens where they meet
    }
  }

  // Words of the document go, from the right or from the left, until it fits what LEval leaves to it.
  BuiltPrompt build_cutting_document(const BenchmarkItem& item, size_t most) const {
    const auto words = split_at(item.fields.at("context"), ' ');
    const size_t n_document = encode(item.fields.at("context")).size();
    const auto with_words = [&](size_t n) {
      const size_t first = item.cut == Cut::kDocumentLeft ? words.size() - n : 0;
      std::string document;
      for (size_t i = first; i < first + n; ++i) document += (i == first ? "" : " ") + words[i];
      return document;
    };
    const size_t room = most + item.rules.n_predict - std::min(most + item.rules.n_predict, kLevalRoom);
    const auto built_with = [&](const std::string& document) {
      auto fields = item.fields;
      fields["context"] = document;
      const FilledTemplate prompt = fill_template(template_of(item), fields, options_.templates);
      return BuiltPrompt{ask(item, prompt.text, prompt.context_bytes), n_document - encode(document).size()};
    };
    const auto fits = [&](const BuiltPrompt& built, const std::string& document) {
      return built.question.ids.size() <= most && encode(document).size() <= std::max<size_t>(room, 1);
    };
    BuiltPrompt whole = built_with(item.fields.at("context"));
    whole.n_truncated = 0;
    if (whole.question.ids.size() <= most) return whole;
    size_t fitting = 0;
    size_t beyond = words.size();
    while (beyond - fitting > 1) {
      const size_t middle = fitting + (beyond - fitting) / 2;
      const std::string document = with_words(middle);
      (fits(built_with(document), document) ? fitting : beyond) = middle;
    }
    BuiltPrompt built = built_with(with_words(fitting));
    if (built.question.ids.size() > most) fail(ErrorKind::kContext, "{}: does not fit {} tokens", item.key, most);
    return built;
  }

  const Session& session_;
  const Tokenizer& tokenizer_;
  const TasksOptions& options_;
  Templates templates_;
  PromptWriter raw_;
  PromptWriter chat_;
};

ordered_json run_item(const BenchmarkItem& item, const PromptBuilder& builder, const Asker& asker) {
  const BuiltPrompt prompt = builder.build(item);
  const AskedAnswer answer = asker.ask(item.key, {prompt.question}, item.rules).front();
  ordered_json result = {{"set", item.set}, {"bucket", item.bucket}, {"truncated_tokens", prompt.n_truncated}};
  result.update(to_json(answer));
  result["score"] = item.score(answer.text);
  return result;
}

struct Mean {
  double sum = 0;
  size_t n = 0;
  double percent() const { return 100 * sum / static_cast<double>(n); }
};

// {"sets": {name: {"score", "n", "truncated", "by_length"}}, "average"}: per cent; the average is that of the sets.
ordered_json summarize(const std::vector<ordered_json>& results) {
  std::map<std::string, Mean> sets;
  std::map<std::string, std::map<std::string, Mean>> buckets;
  std::map<std::string, size_t> n_truncated;
  for (const ordered_json& result : results) {
    const std::string set = result.at("set");
    const double score = result.at("score");
    for (Mean* mean : {&sets[set], &buckets[set][result.at("bucket").get<std::string>()]}) {
      mean->sum += score;
      ++mean->n;
    }
    n_truncated[set] += result.at("truncated_tokens") > 0 ? 1U : 0U;
  }
  ordered_json summary = {{"sets", ordered_json::object()}};
  double sum = 0;
  for (const auto& [set, mean] : sets) {
    summary["sets"][set] = {{"score", mean.percent()}, {"n", mean.n}, {"truncated", n_truncated[set]}};
    for (const auto& [bucket, part] : buckets[set]) {
      if (!bucket.empty()) summary["sets"][set]["by_length"][bucket] = part.percent();
    }
    sum += mean.percent();
  }
  summary["average"] = sum / static_cast<double>(sets.size());
  return summary;
}

void print_summary(const ordered_json& summary) {
  std::string text = fmt::format("{:<24}{:>8}{:>12}{:>10}\n", "set", "n", "truncated", "score");
  for (const auto& [set, figures] : summary["sets"].items()) {
    text += fmt::format("{:<24}{:>8}{:>12}{:>10.2f}\n", set, figures.at("n").get<size_t>(),
                        figures.at("truncated").get<size_t>(), figures.at("score").get<double>());
  }
  text += fmt::format("{:<44}{:>10.2f}\n", "average of the sets", summary.at("average").get<double>());
  write_output(text);
}

}  // namespace

void declare_tasks(CLI::App& app, TasksOptions& options) {
  declare_eval(app, options);
  const auto set = [&options](size_t index) { options.benchmark = index; };
  add_choice(app, "--benchmark", kBenchmarks, set, "whose files they are", "");
  app.add_option("--data", options.data, "a .jsonl file as its authors publish it; may be repeated")->type_name("FILE");
  app.add_option("--templates", options.templates,
                 R"(JSON object of prompts, {"set": "... {context} ... {input} ..."}; LEval: also "closed" and "open")")
      ->type_name("FILE");
  add_count(app, "--max-prompt", options.max_prompt,
            "longer prompts lose what the benchmark takes away (default: what the context holds); it is reported",
            {1, kMaxCount});
  add_count(app, "--items", options.n_items, "only the first N questions of each file", {1, kMaxCount});
  app.add_flag("--raw", options.raw, "no chat template");
  add_select_with_option(app, options.select_with);
  add_limit(app, "--min-score", options.min_score, "exit code 1 if the average of the sets is below this");
  app.footer(
      "Example: proxima eval tasks -m DIR --benchmark longbench --data hotpotqa.jsonl --data qmsum.jsonl\n"
      "         --templates dataset2prompt.json --cache pod --map map.json -o longbench.jsonl");
}

void eval_tasks(const TasksOptions& options) {
  size_t n_dropped = 0;
  const auto items = read_items(options, n_dropped);
  Templates templates = read_templates(options.templates);
  const Session session(options.common);
  const Tokenizer tokenizer = Tokenizer::open(session.model().dir);
  const PromptBuilder builder(session, tokenizer, options, std::move(templates));
  for (const BenchmarkItem& item : items) fill_template(builder.template_of(item), item.fields, options.templates);
  if (n_dropped > 0 && !options.common.quiet) {
    fmt::print(stderr, "proxima: {} questions are left out: people or another model have to judge them\n", n_dropped);
  }
  ordered_json settings = {{"command", "tasks"}};
  settings.update(run_settings(session, options.cache_flags()));
  settings["benchmark"] = kBenchmarks[*options.benchmark];
  settings["templates"] = text_digest(read_document(options.templates).text);
  settings["max_prompt"] = options.max_prompt ? ordered_json(*options.max_prompt) : ordered_json("context");
  settings["raw"] = options.raw;
  settings["select_with"] = select_with_name(options.select_with);
  ordered_json& digests = settings["data"] = ordered_json::object();
  for (const std::string& path : options.data) {
    digests[std::filesystem::path(path).filename().string()] = text_digest(read_document(path).text);
  }
  ResultLog log(options.results);
  log.use(settings);
  const Asker asker(session, tokenizer, options.select_with);
  const Asker without_context(session, tokenizer, SelectWith::kQuestion);
  UnitProgress progress("questions", items.size(), options.common.quiet, options.results);
  std::vector<ordered_json> results;
  for (const BenchmarkItem& item : items) {
    const Asker& chosen = item.fields.at("context").empty() ? without_context : asker;
    progress.run(log.find(item.key) != nullptr, [&] { log.add(item.key, run_item(item, builder, chosen)); });
    results.push_back(ordered_json::parse(*log.find(item.key)));
  }
  ordered_json summary = summarize(results);
  if (options.json) {
    summary["dropped"] = n_dropped;
    summary["settings"] = settings;
    write_json(summary);
  } else {
    print_summary(summary);
  }
  const double average = summary["average"];
  if (options.min_score && average < *options.min_score) {
    fail(ErrorKind::kLimit, "the average of the sets is {:.2f}, below --min-score {}", average, *options.min_score);
  }
}

}  // namespace proxima
