// SPDX-License-Identifier: MIT
// A model's chat template: Jinja text that turns a conversation into the prompt the model was trained on. Evaluated for
// real, in the subset that the supported families use; anything else is refused by name and line. The rendered text
// holds its special tokens already: encode it with add_special = false.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/error.h"

namespace proxima {

struct ChatMessage {
  std::string role;  // system, user, assistant, ...
  std::string content;
};

struct ChatOptions {
  bool add_generation_prompt = true;
  std::optional<std::string> now;  // local time as 2024-12-31T23:59:59, for templates that print the date
};

// The template itself refused the conversation: what() is its own message.
class TemplateRefusal : public Error {
 public:
  using Error::Error;
};

// Immutable and thread-safe.
class ChatTemplate {
 public:
  // The template of a folder: chat_template.jinja, else "chat_template" of tokenizer_config.json, which also names the
  // special tokens. Throws Error(kInput) where there is none or it is malformed or outside the subset.
  static ChatTemplate open(const std::filesystem::path& dir);
  // The same, or nothing where the folder has no template.
  static std::optional<ChatTemplate> find(const std::filesystem::path& dir);
  // The template of a file, with the special tokens of the folder.
  static ChatTemplate open(const std::filesystem::path& dir, const std::filesystem::path& file);
  // `name` stands before messages about the text.
  static ChatTemplate parse(std::string_view text, const std::string& name = "chat template");
  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;

  // Without tools and documents. Throws TemplateRefusal, or Error(kInput) with the line.
  std::string render(std::span<const ChatMessage> messages, const ChatOptions& options = {}) const;
  // context_json: an object with every variable the template may see, special tokens included.
  std::string render_context(std::string_view context_json, const std::optional<std::string>& now = {}) const;

 private:
  struct Impl;
  explicit ChatTemplate(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

}  // namespace proxima
