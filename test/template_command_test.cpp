// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <sstream>

#include "apps/template.h"
#include "test/expect_error.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

std::string run(const TemplateOptions& options, const std::string& input = "") {
  std::istringstream in(input);
  std::ostringstream out;
  run_template(options, in, out);
  return out.str();
}

TEST(TemplateCommand, AnswersJsonLines) {
  const test::TemporaryFolder folder;
  TemplateOptions options;
  options.model = folder.path();
  options.json_lines = true;
  EXPECT_EQ(run(options, "{\"context\":{\"b\":2,\"a\":1},\"template\":\"{{ d }}{{ a }}\"}\n\n"), "{\"text\":\"1\"}\n");
  EXPECT_EQ(run(options, R"({"context":{"d":{"b":2,"a":"\u00e9"}},"template":"{{ d }}","now":null})"),
            "{\"text\":\"{'b': 2, 'a': '\u00e9'}\"}\n");
  EXPECT_EQ(run(options, R"({"template":"{{ strftime_now('%d') }}","context":{},"now":"2024-12-05T10:20:30"})"),
            "{\"text\":\"05\"}\n");
  EXPECT_EQ(run(options, R"({"context":{},"template":"{{ raise_exception('no \"x\"') }}"})"),
            "{\"error\":\"no \\\"x\\\"\"}\n");
  const std::string errors =
      run(options,
          "{\"context\":{}}\nnot json\n{\"template\":\"a\"}\n{\"context\":{},\"template\":\"{{\"}\n"
          "{\"context\":[],\"template\":\"a\"}\n{\"context\":{},\"x\":1}\n");
  EXPECT_EQ(std::count(errors.begin(), errors.end(), '\n'), 6);
  for (const char* part : {"no chat template", "no 'context'", "a tag has no end", "not an object", "unknown key"}) {
    EXPECT_NE(errors.find(part), errors.npos) << part << "\n" << errors;
  }
}

TEST(TemplateCommand, RendersAConversation) {
  const test::TemporaryFolder folder;
  test::write_text(folder.path() / "chat_template.jinja",
                   "{% for m in messages %}[{{ m.role }}|{{ m.content }}]{% endfor %}");
  TemplateOptions options;
  options.model = folder.path();
  options.system.emplace("S");
  EXPECT_EQ(run(options, "U\n"), "[system|S][user|U\n]");
  options.prompt.emplace("P");
  EXPECT_EQ(run(options), "[system|S][user|P]");
  test::write_text(folder.path() / "other", "{{ messages | length }}");
  options.template_file = folder.path() / "other";
  EXPECT_EQ(run(options), "2");
  options.json_lines = true;
  test::expect_error(ErrorKind::kUsage, "--jsonl", [&] { run(options); });
  options.system.reset();
  options.prompt.reset();
  EXPECT_EQ(run(options, R"({"context":{"messages":"abc"}})"), "{\"text\":\"3\"}\n");
}

}  // namespace
}  // namespace proxima
