// SPDX-License-Identifier: MIT
// Every golden case of every tokenizer family that is there, against values recorded from the reference
// implementations. Characters newer than Unicode 14 (group unicode_new) are counted, not required.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/chat_template.h"
#include "model/tokenizer.h"
#include "test/shared.h"

namespace proxima {
namespace {

using Json = nlohmann::ordered_json;
using Ids = std::vector<TokenId>;

std::vector<Json> read_lines(const std::filesystem::path& path) {
  std::vector<Json> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) lines.push_back(Json::parse(line));
  return lines;
}

std::vector<std::filesystem::path> families(const char* file) {
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator(test::shared_folder() / "golden-tokenizers")) {
    if (std::filesystem::exists(entry.path() / file)) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

std::string stream(const Tokenizer& tokenizer, const Ids& ids, bool skip_special) {
  StreamingDecoder decoder(tokenizer, skip_special);
  std::string text;
  for (const TokenId id : ids) text += decoder.push(id);
  return text + decoder.flush();
}

bool passes(const Tokenizer& tokenizer, const Json& test_case) {
  const auto ids = test_case["ids"].get<Ids>();
  bool good = tokenizer.decode(ids) == test_case["decoded"] &&
              tokenizer.decode(ids, true) == test_case["decoded_skip_special"] &&
              stream(tokenizer, ids, false) == test_case["decoded"] &&
              stream(tokenizer, ids, true) == test_case["decoded_skip_special"];
  if (test_case["kind"] == "encode") {
    const auto text = test_case["text"].get<std::string>();
    good = good && tokenizer.encode(text) == ids;
    good = good && tokenizer.encode(text, {false, true}) == test_case["ids_no_special"].get<Ids>();
    if (test_case.contains("ids_plain")) {
      good = good && tokenizer.encode(text, {false, false}) == test_case["ids_plain"].get<Ids>();
    }
  }
  return good;
}

TEST(GoldenTokenizers, EncodeAndDecodeEveryCase) {
  PROXIMA_NEEDS_SHARED("golden-tokenizers");
  for (const auto& folder : families("cases.jsonl")) {
    const Tokenizer tokenizer = Tokenizer::open(folder);
    size_t n_cases = 0;
    size_t n_new = 0;
    size_t n_new_passed = 0;
    for (const Json& test_case : read_lines(folder / "cases.jsonl")) {
      const bool good = passes(tokenizer, test_case);
      if (test_case["group"] == "unicode_new") {
        ++n_new;
        n_new_passed += good ? 1U : 0U;
        continue;
      }
      ++n_cases;
      EXPECT_TRUE(good) << test_case["id"] << " " << test_case["group"];
    }
    EXPECT_GT(n_cases, 0U);
    std::cout << fmt::format("  {}: {} cases; unicode_new {} of {}\n", folder.filename().string(), n_cases,
                             n_new_passed, n_new);
  }
}

// What is wrong, or "".
std::string check_chat(const Tokenizer& tokenizer, const std::string& text, const Json& test_case) {
  std::optional<std::string> now;
  if (test_case.contains("now")) now = test_case["now"].get<std::string>();
  const bool raises = test_case.contains("error") && test_case["error"]["kind"] == "raise_exception";
  try {
    const std::string rendered = ChatTemplate::parse(text).render_context(test_case["context"].dump(), now);
    if (test_case.contains("error")) return "rendered although the reference fails: " + rendered;
    if (rendered != test_case["rendered"]) return "rendered " + rendered;
    if (test_case.contains("ids") && tokenizer.encode(rendered, {false, true}) != test_case["ids"].get<Ids>())
      return "ids";
  } catch (const TemplateRefusal& refusal) {
    if (!raises || test_case["error"]["message"] != refusal.what()) return std::string("refused: ") + refusal.what();
  } catch (const Error& error) {
    if (!test_case.contains("error") || raises) return error.what();
  }
  return {};
}

TEST(GoldenTokenizers, RenderEveryChat) {
  PROXIMA_NEEDS_SHARED("golden-tokenizers");
  for (const auto& folder : families("chat_cases.jsonl")) {
    const Tokenizer tokenizer = Tokenizer::open(folder);
    const Json templates = Json::parse(std::ifstream(folder / "chat_templates.json"));
    size_t n_cases = 0;
    size_t n_errors = 0;
    for (const Json& test_case : read_lines(folder / "chat_cases.jsonl")) {
      const auto name = test_case["template"].get<std::string>();
      const std::string wrong = check_chat(tokenizer, templates[name]["template"].get<std::string>(), test_case);
      EXPECT_EQ(wrong, "") << name << " " << test_case["scenario"];
      ++n_cases;
      n_errors += test_case.contains("error") ? 1U : 0U;
    }
    EXPECT_GT(n_cases, 0U);
    std::cout << fmt::format("  {}: {} chats, {} of them errors\n", folder.filename().string(), n_cases, n_errors);
  }
}

}  // namespace
}  // namespace proxima
