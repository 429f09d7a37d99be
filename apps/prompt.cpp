// SPDX-License-Identifier: MIT
#include "apps/prompt.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json_file.h"

namespace proxima {
namespace {

// tokenizer_config.json, or an empty object where there is none.
nlohmann::json tokenizer_config(const std::filesystem::path& dir) {
  const auto path = dir / "tokenizer_config.json";
  if (!std::filesystem::exists(path)) return nlohmann::json::object();
  nlohmann::json file = read_json_file(path);
  if (!file.is_object()) fail(ErrorKind::kInput, "{}: must be a JSON object", path.string());
  return file;
}

bool has_chat_template(const std::filesystem::path& dir) {
  const nlohmann::json config = tokenizer_config(dir);
  const auto found = config.find("chat_template");
  return (found != config.end() && !found->is_null()) || std::filesystem::exists(dir / "chat_template.jinja") ||
         std::filesystem::exists(dir / "chat_template.json");
}

}  // namespace

void declare_prompt(CLI::App& app, PromptOptions& options) {
  app.add_option("-f,--file", options.files, "document; may be repeated, - is standard input")->type_name("FILE");
  app.add_option("-p,--prompt", options.text, "instruction, put after the document")->type_name("TEXT");
  app.add_flag("-e,--escape", options.escape, "replace \\n, \\t, \\r and \\\\ in -p");
  app.add_flag("--raw", options.raw, "no chat template: the model continues the text as it stands");
  app.add_option("--system", options.system, "system prompt, also -sys")->type_name("TEXT");
  app.add_option("--system-file", options.system_file, "system prompt from a file, also -sysf")->type_name("FILE");
}

std::string instruction_of(const PromptOptions& options) {
  if (options.escape && options.text.empty()) fail(ErrorKind::kUsage, "-e has no effect without -p");
  return options.escape ? unescape(options.text) : options.text;
}

void check_template(const PromptOptions& options, const std::filesystem::path& model_dir) {
  const bool has_template = has_chat_template(model_dir);
  if (has_template && !options.raw) {
    fail(ErrorKind::kUsage,
         "{}: the model has a chat template, which is not applied yet; --raw reads the text as it is",
         model_dir.string());
  }
  if (!options.system.empty() || !options.system_file.empty()) {
    fail(ErrorKind::kUsage, "a system prompt (-sys) has no effect without a chat template; put it into -p");
  }
}

std::vector<TokenId> encode_prompt(const Model& model, const Tokenizer& tokenizer, const std::string& text,
                                   const EncodeOptions& options) {
  std::vector<TokenId> ids = tokenizer.encode(text, options);
  const auto bos = model.config.bos_id;
  if (bos && ids.size() > 1 && ids[0] == *bos && ids[1] == *bos) {
    fail(ErrorKind::kUsage, "the text begins with the BOS token that the tokenizer adds by itself; leave it out");
  }
  return ids;
}

std::vector<TokenId> end_ids(const Model& model, const Tokenizer& tokenizer) {
  std::vector<TokenId> ids = model.config.eos_ids;
  const nlohmann::json config = tokenizer_config(model.dir);
  if (const auto found = config.find("eos_token"); found != config.end()) {
    const nlohmann::json& name = found->is_object() && found->contains("content") ? (*found)["content"] : *found;
    if (name.is_string()) {
      if (const auto id = tokenizer.id_of(name.get<std::string>())) ids.push_back(*id);
    }
  }
  std::ranges::sort(ids);
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

}  // namespace proxima
