// SPDX-License-Identifier: MIT
#include "apps/eval/needle.h"

#include <CLI/CLI.hpp>
#include <array>
#include <nlohmann/json.hpp>

#include "apps/cache_spec.h"
#include "apps/eval/grid_values.h"
#include "apps/eval/needle_report.h"
#include "apps/eval/settings.h"
#include "apps/option_values.h"
#include "apps/text_output.h"
#include "core/error.h"
#include "core/output_file.h"

namespace proxima {
namespace {

using nlohmann::ordered_json;

void write_if_wanted(const std::string& path, const std::string& text) {
  if (!path.empty()) write_text_file(path, text);
}

// Found out before hours of work.
void check_writable(const std::string& path) {
  if (!path.empty()) const OutputFile probe(path);
}

std::vector<CacheSpec> caches_of(const NeedleCommandOptions& options) {
  const std::string flags = options.cache_flags();
  constexpr std::string_view kCache = "--cache ";
  const std::string name = flags.starts_with(kCache) ? flags.substr(kCache.size()) : "dense " + flags;
  std::vector<CacheSpec> caches = {{flags.empty() ? "dense" : name, flags, options.common}};
  for (const std::string& text : options.also) {
    caches.push_back(parse_cache_spec(text, with_dense_cache(options.common)));
  }
  return caches;
}

NeedlePanel panel_of(const CacheSpec& cache, const NeedleOptions& options, std::vector<ordered_json> results) {
  for (ordered_json& document : results) {
    for (ordered_json& result : document) {
      result["kv_share"] = result.at("kv_bytes").get<double>() / result.at("kv_dense_bytes").get<double>();
    }
  }
  std::vector<bool> found;
  for (const ordered_json& document : results) {
    for (const ordered_json& result : document) found.push_back(result.at("score").get<double>() >= 1);
  }
  return {cache.name, needle_grid(options, results, "score"), needle_grid(options, results, "overlap"),
          needle_grid(options, results, "kv_share"), std::move(found)};
}

ordered_json panel_json(const NeedlePanel& panel, const NeedlePanel& first, const NeedleOptions& options,
                        const ordered_json& settings) {
  const NeedleCounts counts = count_found(panel, first);
  return {{"cache", panel.name},
          {"score", mean_of(panel.score)},
          {"trials", counts.n},
          {"found", counts.n_found},
          {"found_95", {counts.share.low, counts.share.high}},
          {"lost", counts.n_lost},
          {"gained", counts.n_gained},
          {"difference_95", {counts.difference.low, counts.difference.high}},
          {"overlap", mean_of(panel.overlap)},
          {"kv_share", mean_of(panel.kv_share)},
          {"lengths", options.lengths},
          {"depths", options.depths},
          {"grid", panel.score},
          {"settings", settings}};
}

}  // namespace

ordered_json needle_settings(const Session& session, const std::string& cache_flags, const NeedleTask& task) {
  ordered_json settings = {{"command", "needle"}};
  settings.update(run_settings(session, cache_flags));
  task.add_settings(settings);
  return settings;
}

std::vector<ordered_json> run_documents(const Session& session, NeedleTask& task, ResultLog& log,
                                        UnitProgress& progress) {
  std::vector<ordered_json> results;
  for (const NeedleDocument& document : task.documents()) {
    const std::string key = document.key();
    progress.run(log.find(key) != nullptr, [&] { log.add(key, task.run(session, document)); });
    results.push_back(ordered_json::parse(*log.find(key)));
  }
  return results;
}

void declare_needle_flags(CLI::App& app, NeedleFlags& flags) {
  NeedleOptions& options = flags.options;
  app.add_option("--lengths", flags.lengths,
                 "tokens of prompt and answer: 1k,2k,4k or 1k:32k:1k, k is 1024 (default: up to the model's context)")
      ->type_name("LIST");
  app.add_option("--depths", flags.depths, "where facts stand, in per cent: 0,50,100 or 0:100:10")
      ->type_name("LIST")
      ->default_str("0:100:10");
  add_count(app, "--facts", options.n_facts, "facts in each document, which is read once for all of them",
            {1, kMaxCount});
  add_count(app, "--repeats", options.n_repeats, "documents for each cell", {1, kMaxCount});
  const auto set_seed = [&options](const std::string& text) {
    options.seed = parse_count("--seed", text, 0, UINT64_MAX);
  };
  app.add_option_function<std::string>("-s,--seed", set_seed, "of facts and synthetic text")
      ->type_name("N")
      ->default_str("0");
  app.add_option("--haystack", options.haystack, "folder of .txt files (default: prose made of our own words)")
      ->type_name("DIR");
  const auto set_style = [&flags](size_t index) { flags.style = needle_style_names()[index]; };
  add_choice(app, "--style", needle_style_names(), set_style,
             "wording of facts and questions; list, note and plain are those of proxima's own training",
             "note for models that were trained here, book for others");
  app.add_option("--needle", flags.needle, "a fact; {name} and {value} are drawn anew for each")->type_name("TEXT");
  app.add_option("--question", flags.question, "asks for --needle")->type_name("TEXT");
  app.add_option("--answer", flags.answer, "must stand in the response, whatever its case and punctuation")
      ->type_name("TEXT");
  add_count(app, "-n,--predict", options.n_predict, "tokens of an answer at most; a newline ends it, too",
            {1, kMaxCount});
  add_count(app, "--buffer", options.buffer,
            "tokens left for prompt and answer (default: what they need; classic: 200)");
  app.add_flag("--raw", options.raw, "no chat template");
  add_select_with_option(app, options.select_with);
}

NeedleOptions finish_needle_options(const NeedleFlags& flags, const std::filesystem::path& model_dir) {
  NeedleOptions options = flags.options;
  if (!flags.lengths.empty()) options.lengths = parse_lengths("--lengths", flags.lengths);
  if (!flags.depths.empty()) options.depths = parse_depths("--depths", flags.depths);
  const bool trained_here = std::filesystem::exists(model_dir / kTrainingRecord);
  options.style = flags.style ? needle_style(*flags.style) : trained_here ? note_style() : book_style();
  const size_t n_given = static_cast<size_t>(!flags.needle.empty()) + (!flags.question.empty() ? 1U : 0U) +
                         (!flags.answer.empty() ? 1U : 0U);
  if (n_given == 0) return options;
  if (n_given != 3) fail(ErrorKind::kUsage, "--needle, --question and --answer go together");
  options.style.needle = flags.needle;
  options.style.question = flags.question;
  options.style.answer = flags.answer;
  return options;
}

void declare_needle(CLI::App& app, NeedleCommandOptions& options) {
  declare_eval(app, options);
  declare_needle_flags(app, options.flags);
  app.add_option("--also", options.also, "a further cache, such as pod:map=FILE or NAME=pod:map=FILE; may be repeated")
      ->type_name("CACHE");
  app.add_option("--csv", options.csv, "write the grid as a table")->type_name("FILE");
  app.add_option("--svg", options.svg, "write the grid as a picture, caches side by side")->type_name("FILE");
  app.add_option("--write-tasks", options.tasks,
                 "write the documents, each with the question for one of its facts, as tasks for explore and adapt; "
                 "asks nothing")
      ->type_name("FILE");
  add_count(app, "--trained-length", options.trained_length,
            "where the picture draws its line (default: the length that the config names)", {1, kMaxCount});
  add_limit(app, "--min-score", options.min_score, "exit code 1 if a cache finds fewer per cent of the facts");
  app.footer(
      "Example: proxima eval needle -m DIR --lengths 1k:8k:1k --facts 11 --also pod:map=map.json\n"
      "         --svg needle.svg --csv needle.csv -o needle.jsonl");
}

void eval_needle(const NeedleCommandOptions& options) {
  const Session session(options.common);
  const Tokenizer tokenizer = Tokenizer::open(session.model().dir);
  NeedleTask task(session, tokenizer, finish_needle_options(options.flags, session.model().dir));
  if (!options.tasks.empty()) return write_text_file(options.tasks, task.tasks());
  const auto caches = caches_of(options);
  std::vector<Session> sessions;
  for (const CacheSpec& cache : caches) {
    sessions.emplace_back(session, cache.options);
    const size_t longest = task.options().lengths.back();
    sessions.back().check(cache.name, longest - task.options().n_predict, task.options().n_predict);
  }
  check_writable(options.csv);
  check_writable(options.svg);
  ResultLog log(options.results);

  UnitProgress progress("documents", caches.size() * task.documents().size(), options.common.quiet, options.results);
  const size_t trained = options.trained_length.value_or(trained_context(session.model().config));
  std::vector<NeedlePanel> panels;
  ordered_json summary = ordered_json::array();
  for (size_t index = 0; index < caches.size(); ++index) {
    const ordered_json settings = needle_settings(sessions[index], caches[index].flags, task);
    log.use(settings);
    auto results = run_documents(sessions[index], task, log, progress);
    panels.push_back(panel_of(caches[index], task.options(), std::move(results)));
    summary.push_back(panel_json(panels.back(), panels.front(), task.options(), settings));
    if (options.json) continue;
    write_output(needle_text(task.options(), panels.back(), trained));
    write_output(counts_text(panels.back(), panels.front()));
  }
  if (options.json) write_json({{"caches", summary}});
  write_if_wanted(options.csv, needle_csv(task.options(), panels));
  write_if_wanted(options.svg, needle_svg(task.options(), panels, trained));
  for (const NeedlePanel& panel : panels) {
    if (options.min_score && 100 * mean_of(panel.score) < *options.min_score) {
      fail(ErrorKind::kLimit, "{}: {:.1f} % of the facts were found, below --min-score {}", panel.name,
           100 * mean_of(panel.score), *options.min_score);
    }
  }
}

}  // namespace proxima
