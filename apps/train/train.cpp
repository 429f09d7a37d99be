// SPDX-License-Identifier: MIT
#include "apps/train/train.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "apps/train/train_config.h"
#include "core/error.h"
#include "core/json_file.h"

namespace proxima {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

// The model's config.json: what the file says, and what follows from it.
ordered_json model_config(const json& run, const std::string& where, const Tokenizer& tokenizer, bool f32) {
  const auto model = run.find("model");
  if (model == run.end() || !model->is_object()) {
    fail(ErrorKind::kInput, "{}: \"model\" must be an object, as a config.json has it", where);
  }
  ordered_json config = *model;
  config["torch_dtype"] = f32 ? "float32" : "bfloat16";
  if (!config.contains("vocab_size")) config["vocab_size"] = tokenizer.n_tokens();
  return config;
}

double initializer_range(const json& run, const std::string& where) {
  const auto found = run.find("initializer_range");
  if (found == run.end()) return 0.02;
  if (!found->is_number() || !(found->get<double>() > 0)) {
    fail(ErrorKind::kInput, "{}: \"initializer_range\" must be a number above 0", where);
  }
  return found->get<double>();
}

std::filesystem::path tokenizer_folder(const json& run, const std::string& where, const std::filesystem::path& folder) {
  const auto found = run.find("tokenizer");
  if (found == run.end() || !found->is_string()) {
    fail(ErrorKind::kInput, "{}: \"tokenizer\" must name the folder of a tokenizer.json", where);
  }
  return folder / found->get<std::string>();
}

}  // namespace

void declare_train(CLI::App& app, TrainOptions& options) {
  app.add_option("--config", options.config, "the model, its tokenizer, the stages of training, as below")
      ->type_name("FILE")
      ->required();
  declare_training_run(app, options);
  app.footer(
      R"(An interrupted run saves and goes on when the same command is given again. FILE, with files beside it, is such as
{"model": {"model_type": "llama", "hidden_size": 160, ...}, "tokenizer": "DIR", "seed": 1, "initializer_range": 0.02,
 "sources": [{"kind": "text", "files": ["a.txt"], "share": 3}, {"kind": "tasks", "file": "b.jsonl", "share": 1}],
 "stages": [{"length": 64, "tokens": 2000000, "batch_tokens": 8192, "learning_rate": 0.003, "sources": [...]}, ...],
 "roles": {"text": 1, "first_answer": 8, "answer": 4}, "products": "bf16",
 "optimizer": {"weight_decay": 0.1, "beta1": 0.9, "beta2": 0.95, "epsilon": 1e-8, "clip": 1, "warm_up": 0.02,
               "final_rate": 0.1, "average": 0.5}}
"average": the mean of the weights after each of so many of the steps, the last ones, is written (0: the last weights).
A stage's sources and roles stand instead of the run's; its "positions": 8192 spreads short samples over long distances.
b.jsonl holds lines {"context": text, "answer": text}. A third kind of source plants facts in prose, with the shares of
its forms:
{"kind": "planted", "files": [...], "plain": 1, "note": 1, "digest": 1, "prose": 1,
 "max_facts": 48, "fact_last": 0.5}
where max_facts are the most of a document, and fact_last the share of documents that surely end with a fact.
Example: proxima train --config small.json -o small)");
}

void train(const TrainOptions& options, TrainFunction train) {
  check_output(options);
  const json run = read_json_file(options.config);
  if (!run.is_object()) fail(ErrorKind::kInput, "{}: must be an object", options.config);
  const std::filesystem::path folder = std::filesystem::path(options.config).parent_path();
  const auto tokenizer_dir = tokenizer_folder(run, options.config, folder);
  const Tokenizer tokenizer = Tokenizer::open(tokenizer_dir);
  const ordered_json config = model_config(run, options.config, tokenizer, options.f32);
  TrainingJob job;
  job.config = parse_config(options.config + ": \"model\"", config.dump());
  if (job.config.vocab < tokenizer.n_tokens()) {
    fail(ErrorKind::kInput, "{}: \"vocab_size\" is {}, the tokenizer has {} tokens", options.config, job.config.vocab,
         tokenizer.n_tokens());
  }
  job.initializer_range = initializer_range(run, options.config);
  job.map = training_map(options, job.config, nullptr);
  TrainConfig parsed =
      parse_train_config(run, options.config, folder, tokenizer, tokenizer_dir, trained_context(job.config));
  if (parsed.settings.teacher > 0 || parsed.lora) {
    fail(ErrorKind::kInput, "{}: random weights have neither a teacher nor LoRA; use `proxima adapt`", options.config);
  }
  job.settings = std::move(parsed.settings);
  run_training(std::move(job), options, ordered_json(run), config, tokenizer_dir, train);
}

}  // namespace proxima
