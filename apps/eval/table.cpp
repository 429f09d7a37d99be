// SPDX-License-Identifier: MIT
#include "apps/eval/table.h"
#include "apps/cache_spec.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/eval/needle_report.h"
#include "apps/eval/settings.h"
#include "apps/eval/table_report.h"
#include "apps/eval/window_divergence.h"
#include "apps/eval/words.h"
#include "apps/input.h"
#include "apps/text_output.h"
#include "core/error.h"

namespace proxima {
namespace {

using nlohmann::ordered_json;

constexpr size_t kPromptRows = 256;

struct Entry {
  CacheSpec cache;
  Session session;
  ordered_json row;
};

// The specs of --cache and --cache-file, the dense cache first.
std::vector<std::string> spec_texts(const TableOptions& options) {
  std::vector<std::string> texts = {"dense"};
  const auto add = [&](const std::string& text) {
    if (std::ranges::find(texts, text) == texts.end()) texts.push_back(text);
  };
  for (const std::string& text : options.caches) add(text);
  if (!options.cache_file.empty()) {
    for (const std::string& line : split_at(read_document(options.cache_file).text, '\n')) {
      const auto words = split_words(line);
      if (!words.empty() && !words.front().starts_with('#')) add(line.substr(line.find(words.front())));
    }
  }
  if (texts.size() == 1) fail(ErrorKind::kUsage, "which caches? Give --cache pod:map=FILE, or several in --cache-file");
  return texts;
}

ordered_json text_settings(const Session& session, const std::string& flags, const ScoredWindows& windows) {
  ordered_json settings = {{"command", "kld"}};
  settings.update(run_settings(session, flags));
  add_window_settings(settings, windows);
  settings["prompt_rows"] = windows.sequence(0, kPromptRows).n_scored_prompt;
  return settings;
}

// Window by window, so that the dense logits of one window serve all caches.
void score_texts(std::vector<Entry>& entries, const ScoredWindows& windows, ResultLog& log, UnitProgress& progress) {
  std::vector<std::vector<ordered_json>> results(entries.size());
  for (size_t window = 0; window < windows.ids.size(); ++window) {
    const std::string key = fmt::format("window {}", window);
    std::optional<BaseRun> base;
    for (size_t index = 0; index < entries.size(); ++index) {
      Entry& entry = entries[index];
      entry.row["text"]["settings"] = text_settings(entry.session, entry.cache.flags, windows);
      log.use(entry.row["text"]["settings"]);
      progress.run(log.find(key) != nullptr, [&] {
        if (!base) base = run_base(entries.front().session, windows, window, kPromptRows);
        log.add(key, index == 0 ? base_window(windows, window, kPromptRows, *base)
                                : compare_window(entry.session, windows, window, kPromptRows, base->rows));
      });
      results[index].push_back(ordered_json::parse(*log.find(key)));
    }
  }
  for (size_t index = 0; index < entries.size(); ++index) {
    ordered_json& text = entries[index].row["text"];
    text.update(summarize_windows(results[index]));
    const auto average = [&](const char* name) { return text["cost"].at(name).get<double>(); };
    const auto n_prompt = static_cast<double>(windows.length - windows.n_forced);
    text["cost"]["prompt_per_second"] = n_prompt / average("prompt_seconds");
    text["cost"]["generate_per_second"] = static_cast<double>(windows.n_forced - 1) / average("forced_seconds");
  }
}

void find_needles(Entry& entry, NeedleTask& task, ResultLog& log, UnitProgress& progress) {
  const ordered_json settings = needle_settings(entry.session, entry.cache.flags, task);
  log.use(settings);
  const auto results = run_documents(entry.session, task, log, progress);
  double n = 0;
  ordered_json sums = ordered_json::object();
  for (const ordered_json& document : results) {
    for (const ordered_json& result : document) {
      ++n;
      for (const char* name : {"kv_bytes", "kv_dense_bytes", "prompt_tokens", "generated_tokens", "prompt_seconds",
                               "generate_seconds", "overlap"}) {
        sums[name] = sums.value(name, 0.0) + result.at(name).get<double>();
      }
    }
  }
  const auto sum = [&](const char* name) { return sums.at(name).get<double>(); };
  entry.row["needle"] = {{"score", mean_of(needle_grid(task.options(), results, "score"))},
                         {"overlap", sum("overlap") / n},
                         {"questions", n},
                         {"kv_bytes", sum("kv_bytes") / n},
                         {"kv_dense_bytes", sum("kv_dense_bytes") / n},
                         {"prompt_per_second", sum("prompt_tokens") / sum("prompt_seconds")},
                         {"generate_per_second", sum("generated_tokens") / sum("generate_seconds")},
                         {"settings", settings}};
}

}  // namespace

void declare_table(CLI::App& app, TableOptions& options) {
  declare_eval_without_cache(app, options);
  app.add_option("--cache", options.caches,
                 "a cache and its options, such as pod:map=FILE,nr=64 or NAME=pod:map=FILE; may be repeated")
      ->type_name("CACHE");
  app.add_option("--cache-file", options.cache_file, "the same, one a line")->type_name("FILE");
  declare_windows(app, options.windows);
  declare_needle_flags(app, options.needle);
  app.footer(
      "With -f texts are scored, with --lengths needles are looked for. The dense cache is always the first row; "
      "drops\n"
      "are against it.\n"
      "Example: proxima eval table -m DIR -f book.txt --lengths 2k,4k --facts 11 --cache pod:map=map.json -o t.jsonl");
}

void eval_table(const TableOptions& options) {
  const bool has_texts = !options.windows.files.empty();
  const bool has_needles = !options.needle.lengths.empty();
  if (!has_texts && !has_needles)
    fail(ErrorKind::kUsage, "what is to be measured? Give -f FILE, --lengths LIST or both");
  const auto texts = spec_texts(options);
  const Session session(options.common);
  const Tokenizer tokenizer = Tokenizer::open(session.model().dir);
  std::vector<Entry> entries;
  for (const std::string& text : texts) {
    CacheSpec cache = parse_cache_spec(text, options.common);
    Session with_cache(session, cache.options);
    entries.push_back({cache, with_cache, {{"cache", cache.name}}});
  }
  std::optional<ScoredWindows> windows;
  if (has_texts) windows = read_windows(session, options.windows);
  std::optional<NeedleTask> task;
  if (has_needles) task.emplace(session, tokenizer, finish_needle_options(options.needle, session.model().dir));
  for (const Entry& entry : entries) {
    if (windows) entry.session.check(entry.cache.name, windows->length - windows->n_forced, windows->n_forced);
    if (task) entry.session.check(entry.cache.name, task->options().lengths.back() - 1, 1);
  }
  ResultLog log(options.results);

  const size_t n_parts = (windows ? windows->ids.size() : 0) + (task ? task->documents().size() : 0);
  UnitProgress progress("windows and documents", entries.size() * n_parts, options.common.quiet, options.results);
  if (windows) score_texts(entries, *windows, log, progress);
  for (Entry& entry : entries) {
    if (task) find_needles(entry, *task, log, progress);
  }
  std::vector<ordered_json> rows;
  for (Entry& entry : entries) rows.push_back(std::move(entry.row));
  complete_rows(rows);
  if (options.json) {
    write_json({{"rows", rows}});
  } else {
    write_output(table_markdown(rows));
  }
}

}  // namespace proxima
