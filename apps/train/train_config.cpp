// SPDX-License-Identifier: MIT
#include "apps/train/train_config.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/train/mixture_source.h"
#include "apps/train/planted_source.h"
#include "apps/train/task_source.h"
#include "apps/train/text_source.h"
#include "core/error.h"
#include "core/json_object.h"
#include "core/processor.h"

namespace proxima {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 7> kModules = {"q_proj",    "k_proj",  "v_proj",   "o_proj",
                                                      "gate_proj", "up_proj", "down_proj"};
constexpr double kUnbounded = 1e300;

void refuse_unread(const JsonObject& object) {
  const auto unread = object.unread();
  if (!unread.empty()) object.fail_at(unread.front(), "is not known here; see `proxima train --help`");
}

void read_number(JsonObject& object, std::string_view key, double least, double most, double& value) {
  const auto given = object.find_number(key);
  if (!given) return;
  if (*given < least || *given > most) {
    object.fail_at(key, most < kUnbounded ? fmt::format("is {}; it must lie between {} and {}", *given, least, most)
                                          : fmt::format("is {}; it must be at least {}", *given, least));
  }
  value = *given;
}

size_t read_count(JsonObject& object, std::string_view key) {
  const size_t value = object.size(key);
  if (value == 0) object.fail_at(key, "is 0; it must be at least 1");
  return value;
}

const std::vector<json>& list_of(JsonObject& object, std::string_view key, const json* found) {
  if (found == nullptr || !found->is_array() || found->empty()) object.fail_at(key, "must be a list of at least one");
  return found->get_ref<const json::array_t&>();
}

// Makes the sources; texts that several stages name are read once.
class SourceMaker {
 public:
  SourceMaker(const std::filesystem::path& folder, const Tokenizer& tokenizer,
              const std::filesystem::path& tokenizer_dir, uint64_t seed)
      : folder_(folder), tokenizer_(tokenizer), tokenizer_dir_(tokenizer_dir), seed_(seed) {}

  std::shared_ptr<const SampleSource> mixture(JsonObject& owner, const json* list, size_t length) {
    std::vector<MixturePart> parts;
    for (const json& each : list_of(owner, "sources", list)) {
      JsonObject object(each, fmt::format("{}: source {}", owner.where(), parts.size() + 1));
      MixturePart part;
      read_number(object, "share", 1e-9, kUnbounded, part.share);
      part.source = source(object, length, seed_ + parts.size() * 0x9E3779B9U);
      refuse_unread(object);
      parts.push_back(std::move(part));
    }
    return parts.size() == 1 ? parts.front().source : std::make_shared<MixtureSource>(std::move(parts), seed_);
  }

 private:
  std::shared_ptr<const SampleSource> source(JsonObject& object, size_t length, uint64_t seed) {
    const std::string kind = object.text("kind");
    if (kind == "text") {
      const auto names = file_names(object);
      return std::make_shared<TextSource>(texts(names), length, seed, fmt::format("{}", fmt::join(names, ", ")));
    }
    if (kind == "tasks") {
      return std::make_shared<TaskSource>((folder_ / object.text("file")).string(), tokenizer_, length, seed);
    }
    if (kind == "planted") return planted(object, length, seed);
    object.fail_at("kind", fmt::format("is \"{}\"; known are text, tasks and planted", kind));
  }

  // Drawn once, so that what cannot be made is known before hours of training.
  std::shared_ptr<const SampleSource> planted(JsonObject& object, size_t length, uint64_t seed) {
    const auto names = file_names(object);
    auto& prose = prose_[names];
    if (!prose) prose = std::make_shared<Prose>(tokenizer_, read_documents(names));
    std::optional<ChatFrame> frame;
    if (const auto chat = ChatTemplate::find(tokenizer_dir_)) frame = ChatFrame::of(*chat, tokenizer_);
    auto source = std::make_shared<PlantedSource>(tokenizer_, prose, frame, read_planted_options(object, seed));
    source->sample(0, length);
    return source;
  }

  std::vector<std::string> file_names(JsonObject& object) const {
    std::vector<std::string> names;
    for (const json& name : list_of(object, "files", object.find("files"))) {
      if (!name.is_string()) object.fail_at("files", "must be a list of file names");
      names.push_back((folder_ / name.get<std::string>()).string());
    }
    return names;
  }

  std::shared_ptr<const TokenizedTexts> texts(const std::vector<std::string>& names) {
    auto& found = texts_[names];
    if (!found) found = std::make_shared<TokenizedTexts>(tokenize_texts(read_documents(names), tokenizer_));
    return found;
  }

  const std::filesystem::path& folder_;
  const Tokenizer& tokenizer_;
  const std::filesystem::path& tokenizer_dir_;
  uint64_t seed_;
  std::map<std::vector<std::string>, std::shared_ptr<const TokenizedTexts>> texts_;
  std::map<std::vector<std::string>, std::shared_ptr<const Prose>> prose_;
};

void with_object(JsonObject& owner, std::string_view key, const std::function<void(JsonObject&)>& read) {
  const json* found = owner.find(key);
  if (found == nullptr) return;
  JsonObject object(*found, fmt::format("{}: \"{}\"", owner.where(), key));
  read(object);
  refuse_unread(object);
}

void read_roles(JsonObject& owner, RoleWeights& roles) {
  with_object(owner, "roles", [&](JsonObject& object) {
    read_number(object, "text", 0, kUnbounded, roles.text);
    read_number(object, "first_answer", 0, kUnbounded, roles.first_answer);
    read_number(object, "answer", 0, kUnbounded, roles.answer);
  });
}

void read_stages(JsonObject& run, SourceMaker& maker, size_t most_length, TrainSettings& settings) {
  const json* common = run.find("sources");
  RoleWeights roles;
  read_roles(run, roles);
  for (const json& each : list_of(run, "stages", run.find("stages"))) {
    JsonObject object(each, fmt::format("{}: stage {}", run.where(), settings.stages.size() + 1));
    TrainStage stage;
    stage.length = read_count(object, "length");
    stage.tokens = read_count(object, "tokens");
    stage.batch_tokens = read_count(object, "batch_tokens");
    stage.learning_rate = object.number("learning_rate");
    if (stage.length < 2) object.fail_at("length", "must be at least 2: something has to be predicted");
    if (stage.length > most_length) {
      fail(ErrorKind::kContext, "{}: samples of {} tokens do not fit the model's context of {}", object.where(),
           stage.length, most_length);
    }
    if (!(stage.learning_rate > 0)) object.fail_at("learning_rate", "must be above 0");
    stage.positions = object.find_size("positions").value_or(0);
    if (stage.positions != 0 && (stage.positions < stage.length || stage.positions > most_length)) {
      object.fail_at("positions", fmt::format("is {}; it must lie between the length, {}, and the model's context, {}",
                                              stage.positions, stage.length, most_length));
    }
    stage.roles = roles;
    read_roles(object, stage.roles);
    const json* own = object.find("sources");
    stage.source = maker.mixture(own != nullptr ? object : run, own != nullptr ? own : common, stage.length);
    refuse_unread(object);
    settings.stages.push_back(std::move(stage));
  }
}

LoraSettings lora_of(JsonObject& object) {
  LoraSettings lora;
  lora.rank = read_count(object, "rank");
  lora.alpha = 2 * static_cast<double>(lora.rank);
  read_number(object, "alpha", 1e-9, kUnbounded, lora.alpha);
  for (const json& module : list_of(object, "modules", object.find("modules"))) {
    if (!module.is_string() || std::ranges::find(kModules, module.get<std::string>()) == kModules.end()) {
      object.fail_at("modules", fmt::format("holds {}; known are {}", module.dump(), fmt::join(kModules, ", ")));
    }
    lora.modules.push_back(module.get<std::string>());
  }
  return lora;
}

bool wants_bf16(JsonObject& run) {
  const std::string products = run.find_text("products").value_or(has_bf16_products() ? "bf16" : "f32");
  if (products != "bf16" && products != "f32") run.fail_at("products", "must be bf16 or f32");
  return products == "bf16";
}

void read_numbers(JsonObject& run, TrainSettings& settings) {
  with_object(run, "loss", [&](JsonObject& object) {
    read_number(object, "truth", 0, kUnbounded, settings.truth);
    read_number(object, "teacher", 0, kUnbounded, settings.teacher);
    if (settings.truth + settings.teacher <= 0) object.fail_at("truth", "and \"teacher\" are both 0");
  });
  with_object(run, "optimizer", [&](JsonObject& object) {
    read_number(object, "weight_decay", 0, kUnbounded, settings.weight_decay);
    read_number(object, "beta1", 0, 0.999999, settings.beta1);
    read_number(object, "beta2", 0, 0.999999, settings.beta2);
    read_number(object, "epsilon", 1e-30, kUnbounded, settings.epsilon);
    read_number(object, "clip", 0, kUnbounded, settings.clip);
    read_number(object, "warm_up", 0, 1, settings.warm_up);
    read_number(object, "final_rate", 0, 1, settings.final_rate);
    read_number(object, "average", 0, 1, settings.average);
  });
}

}  // namespace

TrainConfig parse_train_config(const json& file, const std::string& where, const std::filesystem::path& folder,
                               const Tokenizer& tokenizer, const std::filesystem::path& tokenizer_dir,
                               size_t most_length) {
  JsonObject run(file, where);
  TrainConfig config;
  config.settings.seed = run.find_size("seed").value_or(1);
  config.settings.bf16 = wants_bf16(run);
  read_numbers(run, config.settings);
  with_object(run, "lora", [&](JsonObject& object) { config.lora = lora_of(object); });
  run.find("model");  // the commands' own
  run.find("tokenizer");
  run.find("initializer_range");
  for (const std::string& key : run.unread()) {
    if (key != "stages" && key != "sources" && key != "roles") refuse_unread(run);
  }
  SourceMaker maker(folder, tokenizer, tokenizer_dir, config.settings.seed);
  read_stages(run, maker, most_length, config.settings);
  refuse_unread(run);
  return config;
}

}  // namespace proxima
