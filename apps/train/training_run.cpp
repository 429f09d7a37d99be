// SPDX-License-Identifier: MIT
#include "apps/train/training_run.h"

#include <CLI/CLI.hpp>
#include <array>
#include <nlohmann/json.hpp>

#include "apps/eval/needle_style.h"
#include "apps/generation.h"
#include "apps/option_values.h"
#include "core/error.h"
#include "core/fnv1a.h"
#include "core/output_file.h"
#include "core/processor.h"
#include "model/fingerprint.h"
#include "model/transformer.h"

namespace proxima {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

// config.json is the trainer's own.
constexpr std::array kTokenizerFiles = {"tokenizer.json",          "tokenizer_config.json", "tokenizer.model",
                                        "special_tokens_map.json", "added_tokens.json",     "generation_config.json",
                                        "chat_template.jinja"};

void copy_to(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::copy_file(from, to, error);
  if (error) fail(ErrorKind::kOutput, "{}: cannot be copied to {}: {}", from.string(), to.string(), error.message());
}

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) fail(ErrorKind::kOutput, "{}: cannot be made: {}", path.string(), error.message());
}

std::string samples_digest(const TrainSettings& settings) {
  Fnv1a hash;
  for (const TrainStage& stage : settings.stages) {
    for (uint64_t index = 0; index < 4; ++index) {
      const Sample sample = stage.source->sample(index, stage.length);
      for (const TokenId id : sample.ids) hash.add<uint64_t>(id);
      for (const TokenRole role : sample.roles) hash.add<uint64_t>(static_cast<uint64_t>(role));
    }
  }
  return hash.text();
}

ordered_json record(const TrainingJob& job, const TrainingResult& result, const ordered_json& described) {
  ordered_json text = {
      {"program", "proxima " PROXIMA_VERSION},
      {"config", described},
      {"from", job.model != nullptr ? checkpoint_fingerprint(job.model->checkpoint) : "random weights"},
      {"map", job.map.has_value() ? "map.json" : "none: dense"},
      {"steps", result.steps},
      {"tokens", result.tokens},
      {"parameters_trained", result.n_trained},
      {"seconds", result.seconds},
      {"at_the_end", result.summary}};
  if (job.map) text["borrowed_share"] = job.map->borrowed_share();
  return text;
}

// The map is bound to the new weights.
void write_map(const SharingMap& map, const fs::path& folder) {
  SharingMap bound = map;
  bound.fingerprint = checkpoint_fingerprint(Checkpoint(folder));
  write_text_file(folder / "map.json", sharing_map_text(bound) + "\n");
}

}  // namespace

void declare_training_run(CLI::App& app, TrainingRunOptions& options) {
  app.add_flag("-v,--verbose", options.common.verbose, "say more on standard error: effective options");
  app.add_flag("-q,--quiet", options.common.quiet, "say nothing on standard error but warnings and errors");
  app.add_option("-o,--output", options.output, "folder to write; beside it OUT.training keeps the run until its end")
      ->type_name("OUT")
      ->required();
  app.add_option("--map", options.map, "sharing map to train under (PoD)")->type_name("FILE");
  app.add_flag("--f32", options.f32, "store float32 instead of bfloat16");
  add_count(app, "-t,--threads", options.common.n_threads, "threads (default: physical cores the process may use)",
            {1, 1024});
  add_count(app, "--save-every", options.save_every, "seconds between checkpoints: what a kill can lose");
  app.add_flag("--restart", options.restart, "forget the checkpoint in OUT.training");
  add_progress_option(app, options.progress, "how to show how far it has come");
}

std::optional<SharingMap> training_map(const TrainingRunOptions& options, const ModelConfig& config,
                                       const Model* model) {
  if (options.map.empty()) return std::nullopt;
  SharingMap map = read_sharing_map(options.map);
  map.validate(cache_geometry(config), options.map);
  if (model != nullptr) {
    check_map_fingerprint(map, model->checkpoint, options.map);
  } else if (!map.fingerprint.empty()) {
    fail(ErrorKind::kInput, "{}: was made for certain weights (\"fingerprint\"), and these are random", options.map);
  }
  return map;
}

void check_output(const TrainingRunOptions& options) {
  std::error_code ignored;
  if (!fs::exists(options.output, ignored)) return;
  fail(ErrorKind::kUsage, "-o {}: exists already; give another folder, or remove it", options.output);
}

void identify(TrainingJob& job, const ordered_json& described, const fs::path& tokenizer_dir) {
  for (const auto& [key, value] : described.items()) job.identity[key] = value.dump();
  job.identity["products"] = job.settings.bf16 ? "bf16" : "f32";
  job.identity["first weights"] = job.model != nullptr ? checkpoint_fingerprint(job.model->checkpoint) : "random";
  job.identity["tokenizer fingerprint"] = tokenizer_fingerprint(tokenizer_dir);
  job.identity["map"] = job.map ? sharing_map_text(*job.map) : "none";
  job.identity["samples"] = samples_digest(job.settings);
}

void run_training(TrainingJob job, const TrainingRunOptions& options, const ordered_json& described,
                  const ordered_json& config, const fs::path& tokenizer_dir, TrainFunction train) {
  const fs::path out = fs::path(options.output).lexically_normal();
  const std::string name = (out.has_filename() ? out : out.parent_path()).string();
  const fs::path partial = name + ".partial";
  job.state = name + ".training";
  job.settings.n_threads = options.common.n_threads.value_or(static_cast<size_t>(default_threads().n_threads));
  job.settings.save_seconds = static_cast<double>(options.save_every);
  job.dtype = options.f32 ? DType::kF32 : DType::kBF16;
  job.restart = options.restart;
  job.progress = options.progress;
  job.quiet = options.common.quiet;
  identify(job, described, tokenizer_dir);
  make_folder(job.state);
  fs::remove_all(partial);
  make_folder(partial);
  const TrainingResult result = train(job, partial / "model.safetensors");
  write_text_file(partial / "config.json", config.dump(2) + "\n");
  for (const char* file : kTokenizerFiles) {
    if (fs::exists(tokenizer_dir / file)) copy_to(tokenizer_dir / file, partial / file);
  }
  if (job.map) write_map(*job.map, partial);
  write_text_file(partial / kTrainingRecord, record(job, result, described).dump(2) + "\n");
  copy_to(training_log(job.state), partial / "training.jsonl");
  copy_to(training_curve(job.state), partial / "training.svg");
  std::error_code error;
  fs::rename(partial, name, error);
  if (error) fail(ErrorKind::kOutput, "{}: cannot be renamed to {}: {}", partial.string(), name, error.message());
  fs::remove_all(job.state);
  if (!options.common.quiet) {
    fmt::print(stderr, "proxima: {} tokens in {} steps, {:.0f} s: {}; written to {}\n", result.tokens, result.steps,
               result.seconds, result.summary, name);
  }
}

}  // namespace proxima
