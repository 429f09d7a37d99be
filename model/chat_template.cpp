// SPDX-License-Identifier: MIT
#include "model/chat_template.h"

#include <ctime>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/json_file.h"
#include "core/mapped_file.h"
#include "core/quote.h"
#include "model/jinja_interpreter.h"
#include "model/jinja_parser.h"
#include "model/jinja_text.h"

namespace proxima {
namespace {

using SpecialTokens = std::map<std::string, std::string>;

// Work allowed beyond a fixed amount, per byte of the conversation: a template copies it a few times.
constexpr size_t kBudgetBase = size_t{256} << 20;
constexpr size_t kBudgetPerByte = 128;

std::string read_text(const std::filesystem::path& path) {
  const MappedFile file(path);
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

nlohmann::json read_tokenizer_config(const std::filesystem::path& dir) {
  const auto path = dir / "tokenizer_config.json";
  return std::filesystem::exists(path) ? read_json_file(path) : nlohmann::json::object();
}

// bos_token and its kin: a string or an object with "content"; null is not passed on.
SpecialTokens special_tokens(const nlohmann::json& config) {
  SpecialTokens tokens;
  for (const char* name :
       {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}) {
    if (!config.contains(name)) continue;
    const nlohmann::json& value = config[name];
    const nlohmann::json content = value.is_object() ? value.value("content", nlohmann::json()) : value;
    if (value.is_null()) continue;
    if (!content.is_string()) fail(ErrorKind::kInput, "tokenizer_config.json: '{}' is not a token", name);
    tokens[name] = content.get<std::string>();
  }
  return tokens;
}

// The template text of tokenizer_config.json, of several the one named default.
std::optional<std::string> template_of(const nlohmann::json& config) {
  const auto found = config.find("chat_template");
  if (found == config.end() || found->is_null()) return std::nullopt;
  if (found->is_string()) return found->get<std::string>();
  if (found->is_array()) {
    for (const auto& entry : *found) {
      const bool is_default = entry.is_object() && entry.value("name", nlohmann::json()) == "default";
      if (is_default && entry.value("template", nlohmann::json()).is_string())
        return entry["template"].get<std::string>();
    }
  }
  fail(ErrorKind::kInput,
       "tokenizer_config.json: 'chat_template' is neither a text nor a list with one named 'default'");
}

std::tm local_now() {
  const std::time_t seconds = std::time(nullptr);
  std::tm now{};
  localtime_r(&seconds, &now);
  return now;
}

std::tm parse_time(const std::string& text) {
  std::tm now{};
  const char* end = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &now);
  if (end == nullptr || *end != '\0') {
    fail(ErrorKind::kUsage, "the time {} is not written as 2024-12-31T23:59:59", quote(text));
  }
  const std::time_t seconds = timegm(&now);  // fills in the day of the week
  gmtime_r(&seconds, &now);
  return now;
}

}  // namespace

struct ChatTemplate::Impl {
  std::string name;
  jinja::Block block;
  SpecialTokens tokens;

  static std::unique_ptr<const Impl> make(std::string_view text, const std::string& name, SpecialTokens tokens);
  std::string run(const jinja::Value& context, size_t context_bytes, const std::optional<std::string>& now) const {
    const jinja::RenderOptions options{now ? parse_time(*now) : local_now(),
                                       kBudgetBase + kBudgetPerByte * context_bytes};
    try {
      return jinja::render(block, context, options);
    } catch (const jinja::Raised& raised) {
      throw TemplateRefusal(ErrorKind::kInput, raised.message);
    } catch (const Error& error) {
      fail(error.kind(), "{}: {}", name, error.what());
    }
  }
};

ChatTemplate::ChatTemplate(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;

std::unique_ptr<const ChatTemplate::Impl> ChatTemplate::Impl::make(std::string_view text, const std::string& name,
                                                                   SpecialTokens tokens) {
  try {
    return std::make_unique<const Impl>(Impl{name, jinja::parse(text), std::move(tokens)});
  } catch (const Error& error) {
    fail(error.kind(), "{}: {}", name, error.what());
  }
}

ChatTemplate ChatTemplate::parse(std::string_view text, const std::string& name) {
  return ChatTemplate(Impl::make(text, name, {}));
}

ChatTemplate ChatTemplate::open(const std::filesystem::path& dir, const std::filesystem::path& file) {
  return ChatTemplate(Impl::make(read_text(file), file.string(), special_tokens(read_tokenizer_config(dir))));
}

std::optional<ChatTemplate> ChatTemplate::find(const std::filesystem::path& dir) {
  if (std::filesystem::exists(dir / "chat_template.jinja")) return open(dir, dir / "chat_template.jinja");
  const nlohmann::json config = read_tokenizer_config(dir);
  const auto text = template_of(config);
  if (!text) return std::nullopt;
  const std::string name = (dir / "tokenizer_config.json").string() + ": chat_template";
  return ChatTemplate(Impl::make(*text, name, special_tokens(config)));
}

ChatTemplate ChatTemplate::open(const std::filesystem::path& dir) {
  auto found = find(dir);
  if (!found) {
    fail(ErrorKind::kInput, "{}: there is no chat template (chat_template.jinja, or in tokenizer_config.json)",
         dir.string());
  }
  return std::move(*found);
}

std::string ChatTemplate::render(std::span<const ChatMessage> messages, const ChatOptions& options) const {
  using jinja::Value;
  std::vector<Value> list;
  size_t n_bytes = 0;
  for (const ChatMessage& message : messages) {
    jinja::Dict dict;
    dict.set("role", Value::string(message.role));
    dict.set("content", Value::string(message.content));
    list.push_back(jinja::make_dict(std::move(dict)));
    n_bytes += message.content.size();
  }
  jinja::Dict context;
  context.set("messages", jinja::make_list(std::move(list)));
  context.set("tools", Value());
  context.set("documents", Value());
  context.set("add_generation_prompt", Value::boolean(options.add_generation_prompt));
  for (const auto& [name, token] : impl_->tokens) context.set(name, Value::string(token));
  return impl_->run(jinja::make_dict(std::move(context)), n_bytes, options.now);
}

std::string ChatTemplate::render_context(std::string_view context_json, const std::optional<std::string>& now) const {
  return impl_->run(jinja::from_json(context_json), context_json.size(), now);
}

}  // namespace proxima
