// SPDX-License-Identifier: MIT
// Any template and any context (cut at the first 0xFF byte) either render or end in an error of one line, within the
// budget of work.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/error.h"
#include "model/jinja_interpreter.h"
#include "model/jinja_parser.h"
#include "model/jinja_text.h"
#include "model/utf8.h"

namespace {

using namespace proxima;

constexpr size_t kBudget = size_t{1} << 20;
constexpr std::string_view kContext = R"({"messages": [{"role": "user", "content": " hi "}, {"role": "assistant",
    "content": null, "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1.5}}}]}], "tools": null, "n": 3,
    "s": "a \u00e9 b", "bos_token": "<s>", "eos_token": "</s>", "add_generation_prompt": true})";

void require(bool condition) {
  if (!condition) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* input, size_t n_input) {
  const std::string_view text(reinterpret_cast<const char*>(input), n_input);
  const size_t cut = text.find('\xff');
  const std::string_view context = cut == text.npos ? kContext : text.substr(cut + 1);
  jinja::RenderOptions options;
  options.budget = kBudget;
  try {
    const std::string rendered = jinja::render(jinja::parse(text.substr(0, cut)), jinja::from_json(context), options);
    require(rendered.size() <= kBudget && !find_invalid_utf8(rendered));
  } catch (const jinja::Raised&) {
  } catch (const Error& error) {
    const std::string_view message = error.what();
    require(error.kind() == ErrorKind::kInput && message.find('\n') == message.npos && message.size() < 2000);
  }
  return 0;
}
