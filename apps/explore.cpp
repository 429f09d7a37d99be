// SPDX-License-Identifier: MIT
#include "apps/explore.h"
#include "apps/generation.h"

#include <CLI/CLI.hpp>
#include <array>

#include "apps/explorer.h"
#include "apps/option_values.h"
#include "core/error.h"

namespace proxima {
namespace {

constexpr std::array<std::string_view, 3> kMethods = {"js", "local", "kld"};
constexpr std::array<std::string_view, 2> kScopes = {"full", "distant"};
constexpr std::array<std::string_view, 2> kSimilarities = {"1-jsd", "1-sqrt"};
constexpr std::array<std::string_view, 3> kCompares = {"lowest", "previous", "all"};
constexpr double kDefaultDelta = 0.5;  // the paper's

void without_effect(const char* flag, const char* why) {
  fail(ErrorKind::kUsage, "{} has no effect {}; leave it out", flag, why);
}

// Fills in delta, the only default that depends on others.
ExploreOptions checked(ExploreOptions options) {
  if (!options.method_given) fail(ErrorKind::kUsage, "choose how layers are found: --by js, local or kld");
  if (options.texts.empty()) fail(ErrorKind::kUsage, "explore needs --text FILE: text like what the model will read");
  if (options.output.empty()) fail(ErrorKind::kUsage, "explore needs -o FILE for the sharing map");
  const bool js = options.method == ExploreMethod::kJs;
  if (!js) {
    if (options.distant_only) without_effect("--scope", "without --by js");
    if (options.root) without_effect("--similarity", "without --by js");
    if (options.compare) without_effect("--compare-with", "without --by js");
    if (options.delta) without_effect("--delta", "without --by js");
    if (!options.target_saving && !options.max_damage) {
      fail(ErrorKind::kUsage, "how much is to be shared? Give --target-saving 30%, --max-damage X, or both");
    }
  } else {
    if (options.max_damage) without_effect("--max-damage", "with --by js: --delta limits dissimilarity");
    if (!options.delta && !options.target_saving) options.delta = kDefaultDelta;
  }
  const bool kld = options.method == ExploreMethod::kKld;
  if (options.whole_curve && !kld) without_effect("--whole-curve", "without --by kld: the others always have it whole");
  if (options.n_measured && kld) without_effect("--measure", "with --by kld, which measures every point");
  if (!options.task.empty() && !kld && !options.n_measured) {
    without_effect("--task", "unless damage is measured: --by kld or --measure");
  }
  return options;
}

// Where nothing is distant, sharing changes nothing and costs nothing.
void require_distant_tokens(const ExploreOptions& options, std::span<const ExploreSample> samples) {
  const bool measures = options.method != ExploreMethod::kJs || options.n_measured || options.distant_only == true;
  if (!measures) return;
  for (const ExploreSample& sample : samples) {
    if (sample.ids.size() > options.ns + options.nr) continue;
    fail(ErrorKind::kUsage,
         "a {} of {} tokens has none that are distant: the first {} and the last {} keep their keys; give longer ones, "
         "or "
         "smaller --ns and --nr",
         sample.targets.empty() ? "sample" : "task", sample.ids.size(), options.ns, options.nr);
  }
}

void require_reachable(const ExploreOptions& options, const CacheGeometry& geometry, const MemoryRequest& request,
                       size_t length) {
  if (!options.target_saving) return;
  std::vector<CurvePoint> all = {{.map = identity_map(geometry, options.ns, options.nr)}};
  for (const Cell& cell : borrowable_cells(all.front().map, geometry)) borrow(all.front().map, cell);
  add_savings(all, geometry, cache_capacity(request), length);
  if (all.front().saving >= *options.target_saving) return;
  fail(ErrorKind::kUsage,
       "--target-saving {:.3g}% cannot be reached: with all layers sharing, {:.3g} % are saved at {} "
       "tokens (--saving-length)",
       100 * *options.target_saving, 100 * all.front().saving, length);
}

}  // namespace

std::string_view explore_method_name(ExploreMethod method) {
  return kMethods[static_cast<size_t>(method)];
}

double parse_saving(const std::string& text) {
  const bool percent = text.ends_with('%');
  const double value = parse_number("--target-saving", percent ? text.substr(0, text.size() - 1) : text, 0, 100);
  const double share = percent ? value / 100 : value;
  if (share <= 0 || share > 0.5) {
    fail(ErrorKind::kUsage,
         "--target-saving takes a share of the KV bytes above 0 and up to 50%, as 30% or 0.3, not {}; "
         "keys are half of them",
         text);
  }
  return share;
}

void declare_explore(CLI::App& app, ExploreOptions& options) {
  add_model_options(app, options.common);
  app.add_option("--text", options.texts, "text like what the model will read; several are taken in this order")
      ->type_name("FILE...");
  app.add_option("--task", options.task, R"(lines {"context": text, "answer": text}: damage counts lost answers too)")
      ->type_name("FILE");
  app.add_option("-o,--output", options.output, "sharing map to write; curve and pictures stand beside it")
      ->type_name("FILE");
  const auto set_method = [&options](size_t index) {
    options.method = static_cast<ExploreMethod>(index);
    options.method_given = true;
  };
  add_choice(app, "--by", kMethods, set_method,
             "js: similar attention; local: small errors of attention outputs; kld: measured damage", "");
  add_count(app, "--length", options.length, "tokens of a sample (default: the shortest text, at most 8192)",
            {2, kMaxCount});
  add_count(app, "--samples", options.n_samples, "samples (default: all that the texts hold, at most 32)",
            {1, kMaxCount});
  add_count(app, "--queries", options.n_queries, "last positions of a sample that are looked at", {1, kMaxCount});
  add_count(app, "--ns", options.ns, "first tokens that keep all keys");
  add_count(app, "--nr", options.nr, "recent tokens that keep all keys", {1, kMaxCount});
  const auto set_scope = [&options](size_t index) { options.distant_only = index == 1; };
  add_choice(app, "--scope", kScopes, set_scope, "js: compare all positions or only the distant ones", "full");
  const auto set_similarity = [&options](size_t index) { options.root = index == 1; };
  add_choice(app, "--similarity", kSimilarities, set_similarity, "js: 1 - JSD or 1 - sqrt(JSD), base 2", "1-jsd");
  const auto set_compare = [&options](size_t index) { options.compare = static_cast<CompareWith>(index); };
  add_choice(app, "--compare-with", kCompares, set_compare, "js: which layers of the block below must be similar",
             "lowest");
  add_number(app, "--delta", options.delta, "js: least similarity to share (default: 0.5 without --target-saving)", 0,
             1);
  const auto set_saving = [&options](const std::string& text) { options.target_saving = parse_saving(text); };
  app.add_option_function<std::string>("--target-saving", set_saving, "stop at this share of the KV bytes saved")
      ->type_name("N%");
  add_count(app, "--saving-length", options.saving_length, "tokens for which savings are said (default: --length)",
            {1, kMaxCount});
  add_number(app, "--max-damage", options.max_damage, "local: error, kld: nats a token; stop before it is passed", 0,
             1e9);
  app.add_flag("--whole-curve", options.whole_curve, "kld: search on to the end of the curve, after the map is found");
  add_count(app, "--measure", options.n_measured, "js, local: measure the KL of about N points of the curve",
            {1, kMaxCount});
  app.add_flag("--restart", options.restart, "forget what an earlier run left in MAP.progress.json");
  add_progress_option(app, options.progress, "how to show how far it has come");
  add_precision_options(app, options.common);
  add_simd_option(app, options.common);
  add_force_option(app, options.common);
  app.footer(
      "An interrupted search goes on where it was; a finished one gives maps of other stopping points at once.\n"
      "Examples: proxima explore -m DIR --text a.txt b.txt --by js --delta 0.5 -o map.json\n"
      "          proxima explore -m DIR --text book.txt --length 8192 --by kld --target-saving 20% -o map.json");
}

void explore(const ExploreOptions& given) {
  const ExploreOptions options = checked(given);
  const ExploreFiles files = explore_files(options.output);
  const auto documents = read_documents(options.texts);
  const Session session(options.common);
  const Tokenizer tokenizer = Tokenizer::open(session.model().dir);
  const size_t context = session.context_limit(trained_context(session.model().config));
  std::vector<ExploreSample> samples =
      cut_samples(documents, tokenizer, {options.length, options.n_samples, options.n_queries, context});
  const size_t n_texts = samples.size();
  if (!options.task.empty()) {
    for (ExploreSample& task : read_tasks(options.task, tokenizer, context)) samples.push_back(std::move(task));
  }
  require_distant_tokens(options, samples);
  require_reachable(options, cache_geometry(session.model().config), session.request(),
                    options.saving_length.value_or(samples.front().ids.size()));
  Explorer(options, session, samples, n_texts, files).run();
}

}  // namespace proxima
