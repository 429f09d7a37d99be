// SPDX-License-Identifier: MIT
#include "apps/template.h"

#include <ostream>
#include <string_view>
#include <vector>

#include "apps/json_lines.h"
#include "core/error.h"
#include "core/quote.h"
#include "model/chat_template.h"
#include "model/json_cursor.h"

namespace proxima {
namespace {

struct Request {
  std::string_view context;  // JSON as it stands in the line: the order of its keys matters
  std::optional<std::string> text;
  std::optional<std::string> now;
};

Request parse_request(std::string_view line) {
  Request request;
  JsonCursor cursor(line);
  cursor.enter_object();
  std::string key;
  for (std::string_view next; cursor.next_key(next);) {
    key = next;
    if (key == "context") {
      request.context = cursor.read_raw();
    } else if (key != "template" && key != "now") {
      cursor.fail_here(fmt::format("the unknown key {}", quote(key)));
    } else if (!cursor.read_null()) {
      (key == "now" ? request.now : request.text) = cursor.read_string();
    }
  }
  cursor.expect_end();
  if (request.context.empty()) fail(ErrorKind::kInput, "the line has no 'context'");
  return request;
}

// The folder's template is optional as long as every line brings its own.
std::string render(const TemplateOptions& options, const std::optional<ChatTemplate>& own, const Request& request) {
  if (request.text) return ChatTemplate::parse(*request.text).render_context(request.context, request.now);
  return own ? own->render_context(request.context, request.now)
             : ChatTemplate::open(options.model).render_context(request.context, request.now);
}

std::string answer(const TemplateOptions& options, const std::optional<ChatTemplate>& own, std::string_view line) {
  try {
    return json_line("text", render(options, own, parse_request(line)));
  } catch (const Error& error) {
    return json_line("error", error.what());
  }
}

std::optional<ChatTemplate> find_template(const TemplateOptions& options) {
  if (options.template_file) return ChatTemplate::open(options.model, *options.template_file);
  return ChatTemplate::find(options.model);
}

}  // namespace

void run_template(const TemplateOptions& options, std::istream& in, std::ostream& out) {
  if (options.json_lines) {
    if (options.system || options.prompt) {
      fail(ErrorKind::kUsage, "--jsonl reads its conversations from the input, not from --system or -p");
    }
    const std::optional<ChatTemplate> own = find_template(options);
    return answer_lines(in, out, [&](std::string_view line, size_t) { return answer(options, own, line); });
  }
  const ChatTemplate chat_template = options.template_file ? ChatTemplate::open(options.model, *options.template_file)
                                                           : ChatTemplate::open(options.model);
  std::vector<ChatMessage> messages;
  if (options.system) messages.push_back({"system", *options.system});
  messages.push_back({"user", options.prompt ? *options.prompt : read_all(in)});
  out << chat_template.render(messages);
  require_written(out);
}

}  // namespace proxima
