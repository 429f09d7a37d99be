// SPDX-License-Identifier: MIT
// Expected values were made with Jinja2 3.1 (trim_blocks, lstrip_blocks), unless they are errors of our own.
#include "model/chat_template.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "test/expect_error.h"

namespace proxima {
namespace {

constexpr const char* kContext = R"({
  "messages": [{"role": "user", "content": " hi "}, {"role": "assistant", "content": null, "k": [1, 2.5, true]}],
  "s": "a b a", "n": 3, "e": [], "d": {"x": 1, "y": "it's", "z": {"q": "\u200b\"<&>\u00e9\n"}}, "none_value": null,
  "big": 123456789012345678901234567890, "f": 1e16})";

std::string render(const std::string& text) {
  return ChatTemplate::parse(text).render_context(kContext, "2024-07-26T08:05:09");
}

struct Case {
  const char* text;
  const char* expected;
};

void expect_all(const std::vector<Case>& cases) {
  for (const Case& each : cases) {
    SCOPED_TRACE(each.text);
    try {
      EXPECT_EQ(render(each.text), each.expected);
    } catch (const Error& error) {
      ADD_FAILURE() << error.what();
    }
  }
}

TEST(ChatTemplate, PrintsValuesAsPythonDoes) {
  expect_all({
      {"{{ none }} {{ True }} {{ n }} {{ f }} {{ big }}", "None True 3 1e+16 123456789012345678901234567890"},
      {"{{ d }}", "{'x': 1, 'y': \"it's\", 'z': {'q': '\\u200b\"<&>\u00e9\\n'}}"},
      {"{{ messages[1].k }}", "[1, 2.5, True]"},
      {"{{ d | tojson }}", "{\"x\": 1, \"y\": \"it's\", \"z\": {\"q\": \"\u200b\\\"<&>\u00e9\\n\"}}"},
      {"{{ {'a': none, 'b': {}} | tojson(indent=2) }}", "{\n  \"a\": null,\n  \"b\": {}\n}"},
      {"{{ e | tojson(indent=4) }}{{ d.items() | list }}",
       "[][('x', 1), ('y', \"it's\"), ('z', {'q': '\\u200b\"<&>\u00e9\\n'})]"},
      {R"({{ 'a\n\x41\u00e9\101\q\'' }}{{ 'x' "y" }})", "a\nA\u00e9A\\q'xy"},
  });
}

TEST(ChatTemplate, TreatsUndefinedAsJinjaDoes) {
  expect_all({
      {"[{{ u }}]{{ u | length }}{{ u is defined }}{{ u is undefined }}", "[]0FalseTrue"},
      {"{% for x in u %}x{% endfor %}{{ 'a' in u }}{{ u == none }}{{ u == v }}", "FalseFalseTrue"},
      {"{{ e[0] is defined }}{{ d.nothing is defined }}{{ none_value.x is defined }}{{ s.nothing is defined }}",
       "FalseFalseFalseFalse"},
      {"{{ 1 if false }}", ""},
      {"{{ u or 'x' }}{{ not u }}{{ u | list }}{{ u | string }}", "xTrue[]"},
      {"{{ strftime_now is defined }}{{ raise_exception is defined }}", "TrueTrue"},
  });
  for (const char* text :
       {"{{ u.x }}", "{{ u['x'] }}", "{{ u + 'a' }}", "{{ 'a' + u }}", "{{ e[0]['role'] }}", "{{ u[1:] }}",
        "{{ u.strip() }}", "{{ -u }}", "{{ u < 1 }}", "{{ u % 2 }}", "{{ u | tojson }}"}) {
    test::expect_error(ErrorKind::kInput, "line 1", [&] { render(text); });
  }
}

TEST(ChatTemplate, ComparesAndCalculates) {
  expect_all({
      {"{{ 0 == false }}{{ '' != false }}{{ 1 == true }}{{ '1' == 1 }}{{ 1 < 2 < 3 }}{{ 3 > 2 > 2 }}",
       "TrueTrueTrueFalseTrueFalse"},
      {"{{ 7 % 3 }}{{ -7 % 3 }}{{ 7 - 10 }}{{ -n }}{{ 1 + true }}", "12-3-32"},
      {"{{ '' or 'b' }}{{ 'a' and 'b' }}{{ 0 and u.x }}{{ 'a' or u.x }}", "bb0a"},
      {"{{ 'b' in s }}{{ 'q' not in s }}{{ 'x' in d }}{{ 1 in messages[1].k }}{{ not 'a' in s }}",
       "TrueTrueTrueTrueFalse"},
      {"{{ messages[0] == {'content': ' hi ', 'role': 'user'} }}{{ messages[0] != messages[1] }}", "TrueTrue"},
      {"{{ 'a' if n > 2 else 'b' }}{{ 'x' + 'y' if n == 0 else 'z' }}", "az"},
      {"{{ 'a' + ' b ' | trim + 'c' }}{{ n is string or s is string }}{{ n is not none and true }}", "abcTrueTrue"},
  });
  for (const char* text :
       {"{{ 'a' + 1 }}", "{{ none + none }}", "{{ 1 in 2 }}", "{{ 1 in 'a' }}", "{{ 5 % 0 }}", "{{ 1 < 'a' }}",
        "{{ 'a' % 1 }}", "{{ 9223372036854775807 + 1 }}", "{{ n.x.y }}", "{{ big + 1 }}"}) {
    test::expect_error(ErrorKind::kInput, "line 1", [&] { render(text); });
  }
}

TEST(ChatTemplate, IndexesAndSlices) {
  expect_all({
      {"{{ s[0] }}{{ s[-1] }}{{ s[9] }}{{ s[1:] }}|{{ s[:1] }}|{{ s[::-1] }}|{{ s[-3:-1] }}|{{ s[::2] }}",
       "aa b a|a|a b a|b |aba"},
      {"{{ messages[1:] | length }}{{ messages[:-1] | length }}{{ messages[5:] }}{{ messages[n - 2]['role'] }}",
       "11[]assistant"},
      {"{{ messages[::-1][0].role }}{{ d['y'] }}{{ d['no' + 'pe'] }}{{ messages[true].role }}",
       "assistantit'sassistant"},
      {"{{ '\u00e9\u20ac'[1] }}{{ '\u00e9\u20ac' | length }}{{ '\u00e9\u20ac'[::-1] }}", "\u20ac2\u20ac\u00e9"},
  });
}

TEST(ChatTemplate, CallsFiltersTestsAndMethods) {
  expect_all({
      {"[{{ ' a\u00a0' | trim }}][{{ '\u001c\u200b' | trim == '\u200b' }}][{{ 'xxaxx'.strip('x') }}][{{ ' a '.lstrip() "
       "}}][{{ ' a '.rstrip() }}]",
       "[a][True][a][a ][ a]"},
      {"{{ s.split(' ') }}{{ ' a  b '.split() }}{{ 'aXXb'.split('X') }}{{ s.split('b')[-1] }}",
       "['a', 'b', 'a']['a', 'b']['a', '', 'b'] a"},
      {"{{ s.startswith('a b') }}{{ s.endswith('b') }}{{ s | list | join('-') }}", "TrueFalsea- -b- -a"},
  });
}

TEST(ChatTemplate, SelectsAndJoins) {
  expect_all({
      {"{{ messages | selectattr('role', 'equalto', 'user') | list | length }}", "1"},
      {"{{ (messages | rejectattr('role', 'equalto', 'user') | list)[0].role }}", "assistant"},
      {"{{ messages | selectattr('k', 'undefined') | list | length }}{{ messages | selectattr('k') | list | length }}",
       "11"},
      {"{{ messages[1].k | reject('equalto', 1) | list }}", "[2.5]"},
      {"{{ s | list | join(', ') }}{{ messages[1].k | join }}", "a,  , b,  , a12.5True"},
      {"{% for k, v in d | items %}{{ k }}{{ loop.last }}{% endfor %}{{ d | list }}",
       "xFalseyFalsezTrue['x', 'y', 'z']"},
      {"{{ d is mapping }}{{ s is iterable }}{{ n is iterable }}{{ u is iterable }}{{ false is false }}{{ 0 is false "
       "}}{{ n is equalto 3 }}",
       "TrueTrueFalseTrueTrueFalseTrue"},
  });
}

TEST(ChatTemplate, KeepsScopesApart) {
  expect_all({
      {"{% set x = 1 %}{% for m in messages %}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}", "221"},
      {"{% set ns = namespace(x=1) %}{% for m in messages %}{% set ns.x = ns.x + 1 %}{% endfor %}{{ ns.x }}", "3"},
      {"{% if true %}{% set y = 2 %}{% endif %}{{ y }}{% for n in messages %}{% endfor %}{{ n }}", "23"},
      {"{% for m in messages if m.content %}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{% endfor %}", "0TrueTrue"},
      {"{% for a in s %}{% for b in s %}{% endfor %}{{ loop.index0 }}{% endfor %}{{ loop is defined }}", "01234False"},
      {"{% set g = messages | selectattr('role') %}{{ g | list | length }}{{ g | list | length }}", "20"},
  });
}

TEST(ChatTemplate, TrimsWhiteSpaceAsConfigured) {
  expect_all({
      {"a\n  {% if true %}\n  b\n  {% endif %}\nc\n", "a\n  b\nc"},
      {"a\n  {%- if true -%}\n  b\n  {%- endif -%}  \n c\n\n", "abc\n"},
      {"a {% if true %} b{% endif %}\n\nc", "a  b\nc"},
      {"a\n  {{ n }}\n  {{- n -}}\n  b", "a\n  33b"},
      {"  {# x #}\na\n {#- y -#} \n b", "ab"},
      {"a\n  {%+ if true %}b{% endif +%}\nc", "a\n  b\nc"},
      {"a\r\nb\rc\n", "a\nb\nc"},
      {"{% set x = '%}' %}{{ x }}{{ {'a': {'b': 1}} }}{{ '}}' }}", "%}{'a': {'b': 1}}}}"},
      {"{ {{ '{' }} { }", "{ { { }"},
  });
}

TEST(ChatTemplate, ReadsTheClock) {
  expect_all({{"{{ strftime_now('%d %b %Y, %A %H:%M:%S %j %%') }}", "26 Jul 2024, Friday 08:05:09 208 %"}});
  test::expect_error(ErrorKind::kInput, "strftime_now", [] { render("{{ strftime_now('%Q') }}"); });
  test::expect_error(ErrorKind::kUsage, "2024-13", [] { ChatTemplate::parse("a").render_context("{}", "2024-13-01"); });
}

TEST(ChatTemplate, PassesOnItsOwnRefusal) {
  try {
    render("\n{{ raise_exception('Roles must alternate: ' + s) }}");
    ADD_FAILURE();
  } catch (const TemplateRefusal& refusal) {
    EXPECT_STREQ(refusal.what(), "Roles must alternate: a b a");
  }
}

TEST(ChatTemplate, NamesWhatIsOutsideTheSubset) {
  const Case cases[] = {
      {"{% macro f() %}{% endmacro %}", "macro"},
      {"{% block b %}{% endblock %}", "block"},
      {"{% include 'x' %}", "include"},
      {"{% import 'x' as x %}", "import"},
      {"{% raw %}{{{% endraw %}", "raw"},
      {"{% generation %}", "generation"},
      {"{% for x in e %}{% break %}{% endfor %}", "break"},
      {"{% for x in e recursive %}{% endfor %}", "recursive"},
      {"{% for x in e %}{% else %}{% endfor %}", "else"},
      {"{% set x %}a{% endset %}", "block"},
      {"{% set a, b = e %}", "several"},
      {"{% filter trim %}{% endfilter %}", "filter"},
      {"{% call f() %}{% endcall %}", "call"},
      {"{{ [1] }}", "list literal"},
      {"{{ (1, 2) }}", "tuple"},
      {"{{ 1, 2 }}", "tuple"},
      {"{{ 1.5 }}", "floating"},
      {"{{ a ~ b }}", "~"},
      {"{{ a // b }}", "//"},
      {"{{ a ** b }}", "**"},
      {"{{ a * b }}", "*"},
      {"{{ a / b }}", "/"},
      {"{{ a <= b }}", "<="},
      {"{{ a | upper }}", "upper"},
      {"{{ a is odd }}", "odd"},
      {"{{ a.upper() }}", "upper"},
      {"{{ range(3) }}", "range"},
      {"{{ loop.index.x() }}", "x"},
      {"{{ a(1)(2) }}", "\"a\""},
      {"{{ namespace(1) }}", "positional"},
      {"{{ 0x1f }}", "decimal"},
      {"{{ a.0 }}", "dot"},
      {"{{ f(*a) }}", "unpacked"},
      {"{{ +1 }}", "+"},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.text);
    test::expect_error(ErrorKind::kInput, each.expected, [&] { ChatTemplate::parse(std::string("\n\n") + each.text); });
    test::expect_error(ErrorKind::kInput, "line 3", [&] { ChatTemplate::parse(std::string("\n\n") + each.text); });
  }
  for (const char* text :
       {"{{ d.items }}", "{{ s.upper }}", "{{ s.__class__ }}", "{{ messages.append }}", "{{ namespace(a=1) }}",
        "{{ s | tojson(sort_keys=true) }}", "{% for x in s %}{{ loop.index }}{% endfor %}"}) {
    test::expect_error(ErrorKind::kInput, "line 1", [&] { render(text); });
  }
}

TEST(ChatTemplate, RefusesMalformedText) {
  for (const char* text : {"{{",
                           "{{ a",
                           "{% if a %}",
                           "{% for %}{% endfor %}",
                           "{% endif %}",
                           "{# a",
                           "{{ 'a }}",
                           "{{ a b }}",
                           "{{ (a }}",
                           "{{ a) }}",
                           "{% %}",
                           "{% if %}{% endif %}",
                           "{{ }}",
                           "{{ a | }}",
                           "{{ a is }}",
                           "{{ a[] }}",
                           "{{ {'a'} }}",
                           "{% set 1 = 2 %}",
                           "{% set true = 2 %}",
                           "{{ a ? b }}",
                           "{{ '\\u12' }}",
                           "{% if a %}{% else %}{% elif b %}{% endif %}",
                           "{{ a if }}",
                           "\xFF"}) {
    SCOPED_TRACE(text);
    test::expect_error(ErrorKind::kInput, "", [&] { ChatTemplate::parse(text); });
  }
}

std::string repeat(const std::string& text, size_t count) {
  std::string out;
  while (count-- > 0) out += text;
  return out;
}

TEST(ChatTemplate, BoundsDepth) {
  for (const std::string& text :
       {"{{ " + repeat("(", 100000) + "1" + repeat(")", 100000) + " }}", "{{ 1" + repeat("+1", 100000) + " }}",
        "{{ " + repeat("not ", 100000) + "1 }}", "{{ " + repeat("-", 100000) + "1 }}", repeat("{% if 1 %}", 100000),
        "{{ a" + repeat("[0]", 100000) + " }}", "{{ " + repeat("{'a':", 1000) + " }}",
        "{{ 1" + repeat(" if 1 else 1", 100000) + " }}"}) {
    test::expect_error(ErrorKind::kInput, "", [&] { ChatTemplate::parse(text); });
  }
  test::expect_error(ErrorKind::kInput, "deep", [&] {
    ChatTemplate::parse("a").render_context("{\"a\":" + repeat("[", 100000) + "1" + repeat("]", 100000) + "}");
  });
}

// Each would run for years or fill the memory.
TEST(ChatTemplate, BoundsTimeAndMemory) {
  const std::string loops = "{% set s = 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' %}" +
                            repeat("{% for a in s %}", 12) + "x" + repeat("{% endfor %}", 12);
  const std::string doubling =
      "{% set ns = namespace(s='a', l=e) %}{% for a in big_text %}{% set ns.s = ns.s + ns.s %}{% endfor %}";
  const std::string nesting =
      "{% set ns = namespace(d={}) %}{% for a in big_text %}{% set ns.d = {'a': ns.d} %}{% endfor %}";
  const std::string cycle = "{% set ns = namespace(d=1) %}{% set ns.d = ns %}{{ ns.d.d.d is defined }}";
  const std::string context = "{\"big_text\":\"" + std::string(10000, 'a') + "\"}";
  for (const std::string& text : {loops, doubling}) {
    test::expect_error(ErrorKind::kInput, "more work", [&] { ChatTemplate::parse(text).render_context(context); });
  }
  test::expect_error(ErrorKind::kInput, "nested deeper", [&] { ChatTemplate::parse(nesting).render_context(context); });
  EXPECT_EQ(ChatTemplate::parse(cycle).render_context(context), "True");
}

class TemplateFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    dir_ = std::filesystem::path(::testing::TempDir()) / "proxima_chat_template_test";
    std::filesystem::remove_all(dir_);
    std::filesystem::create_directories(dir_);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  void write(const char* name, const std::string& text) const { std::ofstream(dir_ / name) << text; }

  std::filesystem::path dir_;
  const std::vector<ChatMessage> messages_ = {{"system", "S"}, {"user", "U"}};
};

TEST_F(TemplateFolder, PrefersTheJinjaFileAndReadsTheSpecialTokens) {
  EXPECT_FALSE(ChatTemplate::find(dir_));
  test::expect_error(ErrorKind::kInput, "no chat template", [&] { ChatTemplate::open(dir_); });
  write(
      "tokenizer_config.json",
      R"({"bos_token": {"content": "<s>"}, "eos_token": "</s>", "pad_token": null, "model_max_length": 1000000000000000019884624838656,
            "chat_template": "{{ bos_token }}{% for m in messages %}{{ m.role }}:{{ m.content }}{{ eos_token }}{% endfor %}{{ pad_token is defined }}{{ tools is none }}{% if add_generation_prompt %}>{% endif %}"})");
  EXPECT_EQ(ChatTemplate::open(dir_).render(messages_), "<s>system:S</s>user:U</s>FalseTrue>");
  EXPECT_EQ(ChatTemplate::open(dir_).render(messages_, {false, {}}), "<s>system:S</s>user:U</s>FalseTrue");
  write("chat_template.jinja", "{{ bos_token }}jinja\n");
  EXPECT_EQ(ChatTemplate::open(dir_).render(messages_), "<s>jinja");
  write("other", "{{ eos_token }}\n\n");
  EXPECT_EQ(ChatTemplate::open(dir_, dir_ / "other").render(messages_), "</s>\n");
}

TEST_F(TemplateFolder, ChoosesTheDefaultOfSeveral) {
  write("tokenizer_config.json",
        R"({"chat_template": [{"name": "tool_use", "template": "t"}, {"name": "default", "template": "d"}]})");
  EXPECT_EQ(ChatTemplate::open(dir_).render(messages_), "d");
  write("tokenizer_config.json", R"({"chat_template": [{"name": "tool_use", "template": "t"}]})");
  test::expect_error(ErrorKind::kInput, "default", [&] { ChatTemplate::open(dir_); });
  write("tokenizer_config.json", R"({"chat_template": "{{ a | upper }}"})");
  test::expect_error(ErrorKind::kInput, "tokenizer_config.json", [&] { ChatTemplate::open(dir_); });
}

}  // namespace
}  // namespace proxima
