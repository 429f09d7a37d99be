// SPDX-License-Identifier: MIT
#include "apps/prompt.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <ctime>
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

// "2024-12-31T23:59:59", for templates that print the date.
std::string local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm broken_down{};
  localtime_r(&now, &broken_down);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &broken_down);
  return text.data();
}

}  // namespace

void declare_document(CLI::App& app, PromptOptions& options) {
  app.add_option("-f,--file", options.files, "document; may be repeated, - is standard input")->type_name("FILE");
  app.add_flag("--raw", options.raw, "no chat template: the model continues the text as it stands");
  app.add_option("--chat-template-file", options.template_file, "use this Jinja template")->type_name("FILE");
  app.add_option("--system", options.system, "system prompt, also -sys")->type_name("TEXT");
  app.add_option("--system-file", options.system_file, "system prompt from a file, also -sysf")->type_name("FILE");
}

void declare_prompt(CLI::App& app, PromptOptions& options) {
  declare_document(app, options);
  app.add_option("-p,--prompt", options.texts, "instruction, put after the document")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  app.add_flag("-e,--escape", options.escape, "replace \\n, \\t, \\r and \\\\ in -p");
}

std::vector<std::string> instructions_of(const PromptOptions& options) {
  if (options.escape && options.texts.empty()) fail(ErrorKind::kUsage, "-e has no effect without -p");
  std::vector<std::string> texts = options.texts;
  if (options.escape) std::ranges::transform(texts, texts.begin(), unescape);
  return texts;
}

std::string instruction_of(const PromptOptions& options) {
  const auto texts = instructions_of(options);
  if (texts.size() > 1) {
    fail(ErrorKind::kUsage, "-p is given {} times; several questions need a saved document (run --kv)", texts.size());
  }
  return texts.empty() ? "" : texts.front();
}

PromptWriter::PromptWriter(const PromptOptions& options, const std::filesystem::path& model_dir) {
  if (options.raw && !options.template_file.empty()) {
    fail(ErrorKind::kUsage, "--raw and --chat-template-file contradict each other");
  }
  if (!options.template_file.empty()) {
    template_ = ChatTemplate::open(model_dir, options.template_file);
  } else if (!options.raw) {
    template_ = ChatTemplate::find(model_dir);
  }
  if (!options.system.empty() && !options.system_file.empty()) {
    fail(ErrorKind::kUsage, "-sys and -sysf contradict each other; give one of them");
  }
  system_ = options.system_file.empty() ? options.system : read_document(options.system_file).text;
  if (!system_.empty() && !template_) {
    fail(ErrorKind::kUsage, "a system prompt has no effect without a chat template; put it into -p");
  }
}

PromptText PromptWriter::write(const std::string& document, const std::string& instruction) const {
  PromptText prompt{join_texts(document, instruction), 0, document.size(), {}};
  if (!template_) return prompt;
  std::vector<ChatMessage> messages;
  if (!system_.empty()) messages.push_back({"system", system_});
  messages.push_back({"user", prompt.text});
  prompt.text = template_->render(messages, {.add_generation_prompt = true, .now = local_time()});
  prompt.encoding.add_special = false;  // the template has written them
  prompt.document_begin = std::min(prompt.text.find(document), prompt.text.size());
  prompt.document_end = std::min(prompt.document_begin + document.size(), prompt.text.size());
  return prompt;
}

std::vector<TokenId> encode_prompt(const Model& model, const Tokenizer& tokenizer, const PromptText& prompt) {
  std::vector<TokenId> ids = tokenizer.encode(prompt.text, prompt.encoding);
  const auto bos = model.config.bos_id;
  if (bos && ids.size() > 1 && ids[0] == *bos && ids[1] == *bos) {
    fail(ErrorKind::kUsage, "the prompt begins with the BOS token twice; leave it out of the text");
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
