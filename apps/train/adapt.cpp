// SPDX-License-Identifier: MIT
#include "apps/train/adapt.h"

#include <CLI/CLI.hpp>
#include <array>
#include <nlohmann/json.hpp>

#include "apps/eval/words.h"
#include "apps/option_values.h"
#include "apps/train/train_config.h"
#include "core/error.h"
#include "core/json_file.h"

namespace proxima {
namespace {

using nlohmann::ordered_json;

constexpr std::array<std::string_view, 2> kProducts = {"bf16", "f32"};
constexpr const char* kLoraModules = "q_proj,k_proj,v_proj,o_proj";

ordered_json sources_of(const AdaptOptions& options) {
  const double share = options.task_share.value_or(0.5);
  ordered_json sources = ordered_json::array();
  ordered_json files = ordered_json::array();
  for (const std::string& text : options.texts) files.push_back(std::filesystem::absolute(text).string());
  if (!options.texts.empty()) sources.push_back({{"kind", "text"}, {"files", files}, {"share", 1 - share}});
  if (!options.tasks.empty()) {
    const std::string file = std::filesystem::absolute(options.tasks).string();
    sources.push_back({{"kind", "tasks"}, {"file", file}, {"share", share}});
  }
  if (sources.size() == 1) sources[0]["share"] = 1;
  return sources;
}

// Equal shares of the tokens for each length.
ordered_json stages_of(const AdaptOptions& options) {
  const auto lengths = split_at(options.lengths.empty() ? "2048" : options.lengths, ',');
  const size_t tokens = options.tokens.value_or(1000000);
  ordered_json stages = ordered_json::array();
  for (const std::string& text : lengths) {
    const size_t length = parse_count("--length", text, 2, kMaxCount);
    stages.push_back({{"length", length},
                      {"tokens", std::max<size_t>(tokens / lengths.size(), 1)},
                      {"batch_tokens", options.batch_tokens.value_or(16384)},
                      {"learning_rate", options.learning_rate.value_or(options.lora_rank ? 1e-3 : 1e-4)}});
  }
  return stages;
}

// The flags as the file that says the same.
ordered_json described_by_flags(const AdaptOptions& options) {
  const double teacher = options.teacher.value_or(0);
  ordered_json run = {
      {"seed", options.seed.value_or(1)},
      {"stages", stages_of(options)},
      {"sources", sources_of(options)},
      {"roles",
       {{"text", 1}, {"first_answer", options.first_answer.value_or(1)}, {"answer", options.answer.value_or(1)}}},
      {"loss", {{"truth", 1 - teacher}, {"teacher", teacher}}},
      {"optimizer",
       {{"weight_decay", options.weight_decay.value_or(0.01)},
        {"clip", options.clip.value_or(1)},
        {"warm_up", options.warm_up.value_or(0.02)},
        {"final_rate", options.final_rate.value_or(0.1)}}}};
  if (!options.products.empty()) run["products"] = options.products;
  if (options.lora_rank) {
    run["lora"] = {{"rank", *options.lora_rank},
                   {"modules", split_at(options.lora_modules.empty() ? kLoraModules : options.lora_modules, ',')}};
    if (options.lora_alpha) run["lora"]["alpha"] = *options.lora_alpha;
  }
  return run;
}

bool says_run(const AdaptOptions& o) {
  return !o.texts.empty() || !o.tasks.empty() || o.task_share || !o.lengths.empty() || o.tokens || o.batch_tokens ||
         o.seed || o.learning_rate || o.warm_up || o.final_rate || o.weight_decay || o.clip || o.teacher ||
         o.first_answer || o.answer || o.lora_rank || o.lora_alpha || !o.lora_modules.empty() || !o.products.empty();
}

void check(const AdaptOptions& options) {
  check_output(options);
  if (!options.config.empty()) {
    if (says_run(options)) {
      fail(ErrorKind::kUsage,
           "--config describes the whole run: texts, tasks, stages, loss and optimizer flags have no "
           "effect beside it; leave them out");
    }
  } else {
    if (options.texts.empty() && options.tasks.empty()) {
      fail(ErrorKind::kUsage, "adapt needs --text FILE: text like what the model will read, or --tasks, or --config");
    }
    const bool both = !options.texts.empty() && !options.tasks.empty();
    if (options.task_share && !both) fail(ErrorKind::kUsage, "--task-share has no effect without --text and --tasks");
    if (options.tasks.empty() && (options.answer || options.first_answer)) {
      fail(ErrorKind::kUsage, "--answer-weight and --first-answer-weight have no effect without --tasks");
    }
    if (!options.lora_rank && (options.lora_alpha || !options.lora_modules.empty())) {
      fail(ErrorKind::kUsage, "--lora-alpha and --lora-modules have no effect without --lora-rank");
    }
  }
  if (options.map.empty() && !options.dense_twin) {
    fail(ErrorKind::kUsage,
         "adapt needs --map FILE, the sharing map to adapt to (see `proxima explore`), or "
         "--dense-twin for the dense comparison");
  }
}

}  // namespace

void declare_adapt(CLI::App& app, AdaptOptions& options) {
  app.add_option("-m,--model", options.common.model, "Hugging Face folder (default: the bundled demo model)")
      ->type_name("DIR");
  declare_training_run(app, options);
  app.add_flag("--dense-twin", options.dense_twin, "leave the map aside: the dense model on the same samples");
  app.add_option("--config", options.config, "the run as JSON (`proxima train --help`) instead of the flags below")
      ->type_name("FILE");

  const auto group = [&](const std::string& name, std::initializer_list<CLI::Option*> members) {
    for (CLI::Option* member : members) member->group(name);
  };
  group("Samples",
        {app.add_option("--text", options.texts, "text like what the model will read")->type_name("FILE..."),
         app.add_option("--tasks", options.tasks, R"(lines {"context": text, "answer": text}; answers are learnt)")
             ->type_name("FILE"),
         add_count(app, "-s,--seed", options.seed, "of the choice of samples (default: 1)")});
  add_number(app, "--task-share", options.task_share, "of samples that are tasks (default: 0.5)", 1e-6, 1 - 1e-6)
      ->group("Samples");
  group("Stages",
        {app.add_option("--length", options.lengths,
                        "tokens of a sample; several, as 512,2048, share the tokens (default: 2048)")
             ->type_name("N,..."),
         add_count(app, "--tokens", options.tokens, "tokens in all (default: 1000000)", {1, kMaxCount}),
         add_count(app, "--batch-tokens", options.batch_tokens, "tokens of a step (default: 16384)", {1, kMaxCount})});
  group("Loss",
        {add_number(app, "--teacher", options.teacher,
                    "share of KL to the dense first weights, the rest is the next token's (default: 0)", 0, 1),
         add_number(app, "--answer-weight", options.answer, "of answer tokens, text has 1 (default: 1)", 0, 1e6),
         add_number(app, "--first-answer-weight", options.first_answer, "of their first tokens (default: 1)", 0, 1e6)});
  group("Optimizer (AdamW)",
        {add_number(app, "--lr", options.learning_rate, "learning rate (default: 0.0001, with LoRA 0.001)", 1e-12, 10),
         add_number(app, "--warm-up", options.warm_up, "share of the steps in which it rises (default: 0.02)", 0, 1),
         add_number(app, "--final-rate", options.final_rate, "of it, at the end of the cosine (default: 0.1)", 0, 1),
         add_number(app, "--weight-decay", options.weight_decay, "of matrices but embeddings (default: 0.01)", 0, 10),
         add_number(app, "--clip", options.clip, "largest norm of a gradient, 0: any (default: 1)", 0, 1e9)});
  const auto set_products = [&options](size_t index) { options.products = kProducts[index]; };
  group("Weights",
        {add_count(app, "--lora-rank", options.lora_rank, "train factors of this rank, merged at the end", {1, 4096}),
         add_number(app, "--lora-alpha", options.lora_alpha, "their scale times rank (default: 2 * rank)", 1e-9, 1e9),
         app.add_option("--lora-modules", options.lora_modules,
                        "beside which matrices (default: q_proj,k_proj,v_proj,o_proj)")
             ->type_name("NAME,..."),
         add_choice(app, "--products", kProducts, set_products,
                    "inputs of matrix products (default: bf16 where the processor has it)", "")});
  app.footer(
      "An interrupted run saves and goes on when the same command is given again. The folder holds the map, bound to "
      "the\nnew weights, and the record: training.json, training.jsonl, training.svg.\n"
      "Examples: proxima adapt -m DIR --map map.json --text a.txt b.txt --length 4096 --tokens 4000000 -o adapted\n"
      "          proxima adapt -m DIR --dense-twin --text a.txt b.txt --length 4096 --tokens 4000000 -o twin");
}

void adapt(const AdaptOptions& options, TrainFunction train) {
  check(options);
  const Model model = open_model(model_folder(options.common));
  check_weights_finite(model.checkpoint);
  const Tokenizer tokenizer = Tokenizer::open(model.dir);
  const bool by_file = !options.config.empty();
  const ordered_json described = by_file ? ordered_json(read_json_file(options.config)) : described_by_flags(options);
  TrainingJob job;
  job.config = model.config;
  job.model = &model;
  job.map = training_map(options, model.config, &model);
  if (options.dense_twin) job.map.reset();
  TrainConfig parsed =
      parse_train_config(nlohmann::json(described), by_file ? options.config : "adapt",
                         by_file ? std::filesystem::path(options.config).parent_path() : std::filesystem::path(),
                         tokenizer, model.dir, trained_context(model.config));
  job.settings = std::move(parsed.settings);
  job.lora = std::move(parsed.lora);
  ordered_json config(read_json_file(model.dir / "config.json"));
  config["torch_dtype"] = options.f32 ? "float32" : "bfloat16";
  run_training(std::move(job), options, described, config, model.dir, train);
}

}  // namespace proxima
