// SPDX-License-Identifier: MIT
#include "apps/inspect.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/session.h"
#include "apps/text_output.h"
#include "core/error.h"
#include "model/fingerprint.h"

namespace proxima {
namespace {

using nlohmann::ordered_json;

const char* rope_name(RopeKind kind) {
  switch (kind) {
    case RopeKind::kDefault:
      return "default";
    case RopeKind::kLinear:
      return "linear";
    case RopeKind::kDynamic:
      return "dynamic";
    case RopeKind::kYarn:
      return "yarn";
    case RopeKind::kLlama3:
      return "llama3";
    case RopeKind::kLongrope:
      return "longrope";
  }
  return "";
}

struct Totals {
  size_t n_elements = 0;
  std::map<std::string_view, size_t> bytes_of_dtype;
};

Totals totals_of(const Checkpoint& checkpoint) {
  Totals totals;
  for (const auto& [name, view] : checkpoint.tensors()) {
    totals.n_elements += view.n_elements();
    totals.bytes_of_dtype[dtype_name(view.dtype)] += view.n_bytes();
  }
  return totals;
}

size_t kv_bytes_per_token(const ModelConfig& config) {
  return 2 * config.n_layers * config.n_kv_heads * config.head_dim * dtype_bytes(DType::kBF16);
}

// One entry for each way in which layers rotate and mask.
ordered_json attention_json(const ModelConfig& config) {
  ordered_json kinds = ordered_json::array();
  for (size_t layer = 0; layer < config.n_layers; ++layer) {
    const LayerConfig& kind = config.layers[layer];
    const auto first = std::ranges::find(config.layers, kind);
    if (static_cast<size_t>(first - config.layers.begin()) != layer) continue;
    ordered_json entry = {{"layers", std::ranges::count(config.layers, kind)}};
    if (kind.rope.n_dims == 0) {
      entry["rope"] = "none";
    } else {
      entry.update({{"rope", rope_name(kind.rope.kind)}, {"theta", kind.rope.theta}});
    }
    if (kind.rope.kind != RopeKind::kDefault) entry["factor"] = kind.rope.factor;
    if (kind.window != SIZE_MAX) entry["window"] = kind.window;
    kinds.push_back(entry);
  }
  return kinds;
}

ordered_json as_json(const Model& model, const InspectOptions& options) {
  const ModelConfig& config = model.config;
  const Totals totals = totals_of(model.checkpoint);
  std::error_code ignored;
  ordered_json json = {{"model", model.dir.string()},
                       {"model_type", config.model_type},
                       {"parameters", totals.n_elements},
                       {"layers", config.n_layers},
                       {"hidden", config.hidden},
                       {"heads", config.n_heads},
                       {"kv_heads", config.n_kv_heads},
                       {"head_dim", config.head_dim},
                       {"intermediate", config.intermediate},
                       {"vocab", config.vocab},
                       {"context", trained_context(config)},
                       {"tied_embeddings", config.tie_embeddings},
                       {"attention", attention_json(config)},
                       {"bos_id", nullptr},
                       {"eos_ids", config.eos_ids},
                       {"files", model.checkpoint.files().size()},
                       {"weights_bytes", model.checkpoint.n_bytes()},
                       {"bytes_by_dtype", totals.bytes_of_dtype},
                       {"kv_bytes_per_token_bf16", kv_bytes_per_token(config)},
                       {"fingerprint", checkpoint_fingerprint(model.checkpoint)},
                       {"tokenizer", std::filesystem::exists(model.dir / "tokenizer.json", ignored)}};
  if (config.bos_id) json["bos_id"] = *config.bos_id;
  if (options.check) json["finite"] = true;
  if (options.tensors) {
    json["tensors"] = ordered_json::array();
    for (const auto& [name, view] : model.checkpoint.tensors()) {
      json["tensors"].push_back({{"name", name}, {"dtype", dtype_name(view.dtype)}, {"shape", view.shape}});
    }
  }
  return json;
}

std::string as_text(const ordered_json& json, const Model& model) {
  std::string text;
  for (const auto& [key, value] : json.items()) {
    if (key == "tensors") continue;
    std::string shown = value.is_string() ? value.get<std::string>() : value.dump();
    if (key.find("bytes") != std::string::npos && value.is_number()) {
      shown += fmt::format(" ({})", format_bytes(value.get<size_t>()));
    }
    text += fmt::format("{:<24}{}\n", key, shown);
  }
  if (!json.contains("tensors")) return text;
  for (const auto& [name, view] : model.checkpoint.tensors()) {
    text += fmt::format("{:<48} {:<5} {}\n", name, dtype_name(view.dtype), ordered_json(view.shape).dump());
  }
  return text;
}

}  // namespace

void declare_inspect(CLI::App& app, InspectOptions& options) {
  add_model_options(app, options.common);
  app.add_flag("--tensors", options.tensors, "list every tensor");
  app.add_flag("--check", options.check, "read all weights and report the first that is not finite");
  app.add_flag("--json", options.json, "one JSON object on standard output");
  app.footer("Example: proxima inspect -m DIR --tensors");
}

void inspect(const InspectOptions& options) {
  const Model model = open_model(model_folder(options.common));
  if (options.check) check_weights_finite(model.checkpoint);
  const ordered_json json = as_json(model, options);
  write_output(options.json ? json.dump(2) + "\n" : as_text(json, model));
}

}  // namespace proxima
