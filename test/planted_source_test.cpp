// SPDX-License-Identifier: MIT
// Planted documents, read back from their text by regular expressions.
#include "apps/train/planted_source.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "apps/eval/word_lists.h"
#include "apps/train/bpe_trainer.h"
#include "apps/train/tokenizer_files.h"
#include "core/json_file.h"
#include "test/expect_error.h"
#include "test/tiny_tokenizer.h"

namespace proxima {
namespace {

using test::expect_error;
using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string made_prose(size_t n_sentences) {
  RandomStream random(3, "prose");
  std::string text;
  for (size_t i = 0; i < n_sentences; ++i) {
    text += random_sentence(random);
    text += random.below(5) == 0 ? "\n\n" : " ";
    if (i % 50 == 7) text += "Version 2.5 (see \"e.g. 4\") ends here! ";
  }
  return text + "The end.\n";
}

Pairs matches(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  Pairs found;
  for (std::sregex_iterator it(text.begin(), text.end(), regex), end; it != end; ++it) {
    found.emplace_back((*it)[1], (*it)[2]);
  }
  return found;
}

class PlantedSourceTest : public ::testing::Test {
 protected:
  PlantedSourceTest()
      : text_(made_prose(6000)),
        tokenizer_(make_tokenizer(text_)),
        prose_(std::make_shared<Prose>(tokenizer_, std::vector<Document>{{"a", text_}, {"b", "Other text.\n"}})),
        frame_(ChatFrame::of(chat(), tokenizer_)) {}

  static Tokenizer make_tokenizer(const std::string& text) {
    const std::string pre_tokenizer = byte_level_pre_tokenizer(true);
    BpeTrainer trainer(pre_tokenizer);
    trainer.add(text);
    return Tokenizer::from_json(tokenizer_json(trainer.train(700), chat_tokens(), pre_tokenizer));
  }
  static ChatTemplate chat() {
    const auto config = parse_json(chat_tokenizer_config(), "config");
    return ChatTemplate::parse(config.at("chat_template").get<std::string>());
  }
  PlantedSource source(double plain, double note, double digest, double prose, uint64_t seed = 1) const {
    PlantedOptions options;
    options.seed = seed;
    options.plain = plain;
    options.note = note;
    options.digest = digest;
    options.prose = prose;
    return {tokenizer_, prose_, frame_, options};
  }
  // The document and its questions without the beginning of another document that fills the sample.
  std::vector<TokenId> own_ids(const Sample& sample) const {
    const auto end = std::ranges::find(sample.ids, *tokenizer_.id_of("<|endoftext|>"));
    return {sample.ids.begin(), end};
  }
  // Texts of runs of tokens of a role; an answer's first token begins a run.
  std::vector<std::string> answers(const Sample& sample) const {
    std::vector<std::string> texts;
    for (size_t i = 0; i < sample.ids.size(); ++i) {
      const std::string text = tokenizer_.decode(std::span(sample.ids).subspan(i, 1));
      if (sample.roles[i] == TokenRole::kFirstAnswer) texts.push_back(text);
      if (sample.roles[i] == TokenRole::kAnswer && !texts.empty()) texts.back() += text;
    }
    return texts;
  }

  std::string text_;
  Tokenizer tokenizer_;
  std::shared_ptr<Prose> prose_;
  ChatFrame frame_;
};

TEST_F(PlantedSourceTest, ExactLengthsAndTheSameAgain) {
  const PlantedSource all = source(1, 1, 1, 1);
  const PlantedSource again = source(1, 1, 1, 1);
  const PlantedSource other = source(1, 1, 1, 1, 2);
  for (const size_t length : {110U, 128U, 257U, 1000U}) {
    size_t n_same = 0;
    for (uint64_t index = 0; index < 40; ++index) {
      const Sample sample = all.sample(index, length);
      ASSERT_EQ(sample.ids.size(), length);
      ASSERT_EQ(sample.roles.size(), length);
      EXPECT_EQ(sample.roles[0], TokenRole::kContext);
      EXPECT_EQ(again.sample(index, length).ids, sample.ids);
      EXPECT_EQ(again.sample(index, length).roles, sample.roles);
      n_same += other.sample(index, length).ids == sample.ids ? 1U : 0U;
      n_same += all.sample(index + 1, length).ids == sample.ids ? 1U : 0U;
    }
    EXPECT_EQ(n_same, 0U);
  }
}

TEST_F(PlantedSourceTest, TokensAreWhatTheTokenizerMakesOfTheText) {
  const PlantedSource all = source(1, 1, 1, 0);
  for (uint64_t index = 0; index < 150; ++index) {
    const Sample sample = all.sample(index, 120 + 7 * static_cast<size_t>(index));
    const auto ids = own_ids(sample);
    ASSERT_EQ(tokenizer_.encode(tokenizer_.decode(ids)), ids) << tokenizer_.decode(ids);
    EXPECT_GE(ids.size() + 40, sample.ids.size());
  }
}

// All of `asked` are among `planted`.
void expect_known(const Pairs& asked, const Pairs& planted, const std::string& text) {
  for (const auto& pair : asked) EXPECT_EQ(std::ranges::count(planted, pair), 1) << text;
}

TEST_F(PlantedSourceTest, QuestionsAreForAnyNotes) {
  const PlantedSource notes = source(0, 1, 0, 0);
  size_t n_lines = 0, n_repeated = 0;
  for (uint64_t index = 0; index < 60; ++index) {
    const size_t length = 128U << (index % 4);
    const Sample sample = notes.sample(index, length);
    const std::string text = tokenizer_.decode(own_ids(sample));
    const Pairs planted = matches(text, R"(Note: the number of the ([a-z]+ [a-z]+) is (\d{4})\.)");
    const Pairs asked =
        matches(text, R"(What is the number of the ([a-z]+ [a-z]+)\?<\|end\|><\|assistant\|>(\d{4})<\|end\|>)");
    ASSERT_GE(planted.size(), length < 256 ? 1U : 2U) << text;
    ASSERT_GE(asked.size(), 1U) << text;
    EXPECT_LE(asked.size(), planted.size());
    EXPECT_GE(asked.size() + 1, planted.size()) << text;
    expect_known(asked, planted, text);
    std::set<std::string> names, asked_names;
    for (const auto& [name, value] : planted) names.insert(name);
    for (const auto& [name, value] : asked) asked_names.insert(name);
    EXPECT_EQ(names.size(), planted.size());
    n_repeated += asked_names.size() < asked.size() ? 1U : 0U;
    std::vector<std::string> values;
    for (const auto& [name, value] : asked) values.push_back(value);
    EXPECT_EQ(answers(sample), values);
    if (length == 1024) {
      EXPECT_GE(planted.size(), 4U);
    }
    n_lines += matches(text, "(\n)(Note)").size();
    EXPECT_TRUE(text.starts_with("<|user|>"));
    EXPECT_TRUE(text.ends_with("<|end|>"));
  }
  EXPECT_GT(n_lines, 5U);
  EXPECT_GT(n_repeated, 5U);
}

TEST_F(PlantedSourceTest, AFactMayAlwaysEndTheDocument) {
  PlantedOptions options;
  for (const double fact_last : {0.0, 1.0}) {
    options.fact_last = fact_last;
    const PlantedSource notes(tokenizer_, prose_, frame_, options);
    size_t n_last = 0;
    for (uint64_t index = 0; index < 40; ++index) {
      const std::string text = tokenizer_.decode(own_ids(notes.sample(index, 400)));
      n_last += matches(text, R"((is \d{4}\.)\n(What is the number))").size();
    }
    EXPECT_EQ(n_last == 40, fact_last == 1) << n_last;
  }
}

TEST_F(PlantedSourceTest, PlainFactsFitIntoTheShortestSamples) {
  const PlantedSource plain = source(1, 0, 0, 0);
  for (uint64_t index = 0; index < 50; ++index) {
    const Sample sample = plain.sample(index, 64);
    const std::string text = tokenizer_.decode(own_ids(sample));
    const Pairs all = matches(text, R"( ([a-z]+ [a-z]+)(\d{4})\.)");
    const auto n_asked = static_cast<ptrdiff_t>(answers(sample).size());
    ASSERT_GE(all.size(), 4U) << text;
    ASSERT_GE(n_asked, 1) << text;
    const Pairs asked(all.end() - n_asked, all.end());
    expect_known(asked, {all.begin(), all.end() - n_asked}, text);
    std::vector<std::string> values;
    for (const auto& [name, value] : asked) values.push_back(value);
    EXPECT_EQ(answers(sample), values);
  }
}

TEST_F(PlantedSourceTest, DigestsRepeatTheNotesInOrder) {
  const PlantedSource digests = source(0, 0, 1, 0);
  size_t n_most = 0;
  for (uint64_t index = 0; index < 40; ++index) {
    const Sample sample = digests.sample(index, 100 + 40 * static_cast<size_t>(index));
    const std::string text = tokenizer_.decode(own_ids(sample));
    const std::string question = "\nList all notes.<|end|><|assistant|>";
    const size_t end = text.find(question);
    ASSERT_NE(end, text.npos) << text;
    const std::string document = text.substr(0, end);
    const Pairs planted = matches(document, R"(Note ([A-Z] \w+ \w+) (\d{4})\.)");
    ASSERT_GE(planted.size(), 2U) << text;
    std::string list;
    char letter = 'A';
    for (const auto& [name, value] : planted) {
      EXPECT_EQ(name[0], letter++) << text;
      list += (list.empty() ? "Note " : " Note ") + name + " " + value + ".";
    }
    EXPECT_TRUE(text.ends_with(question + list + " Note " + letter + " none.<|end|>")) << text;
    n_most = std::max(n_most, planted.size());
    // Both words of a name and the first digit are looked up, whatever the tokens of a word.
    const auto n_first = static_cast<size_t>(std::ranges::count(sample.roles, TokenRole::kFirstAnswer));
    EXPECT_GE(n_first, 3 * planted.size());
  }
  EXPECT_GT(n_most, kMostLettered / 2);
  EXPECT_LT(n_most, kMostLettered);  // one letter is left for the end
}

TEST_F(PlantedSourceTest, ProseIsTheTextsAndFactsStandEverywhere) {
  const Sample prose = source(0, 0, 0, 1).sample(0, 500);
  EXPECT_NE(text_.find(tokenizer_.decode(prose.ids)), text_.npos);
  EXPECT_EQ(std::ranges::count(prose.roles, TokenRole::kText), 499);

  const PlantedSource notes = source(0, 1, 0, 0);
  std::vector<size_t> tenths(11);
  size_t n_facts = 0;
  for (uint64_t index = 0; index < 150; ++index) {
    const std::string text = tokenizer_.decode(own_ids(notes.sample(index, 1024)));
    const std::string document = text.substr(8, text.find("\nWhat is the number") - 8);
    const std::regex note("[ \n]Note: the number of the \\w+ \\w+ is \\d{4}\\.");
    const size_t n_prose = std::regex_replace(document, note, "").size();
    size_t n_before = 0;
    for (std::sregex_iterator it(document.begin(), document.end(), note), end; it != end; ++it) {
      n_before += static_cast<size_t>(it->prefix().length());
      ++tenths.at(10 * n_before / n_prose);
      ++n_facts;
    }
    // Without its notes the document is a piece of the texts.
    EXPECT_NE(text_.find(std::regex_replace(document, note, "")), text_.npos) << document;
  }
  for (const size_t tenth : tenths) EXPECT_GT(tenth, n_facts / 30);
}

TEST_F(PlantedSourceTest, SaysWhatIsWrong) {
  expect_error(ErrorKind::kUsage, "no room for a fact", [&] { source(0, 1, 0, 0).sample(0, 30); });
  expect_error(ErrorKind::kUsage, "at least 2", [&] { source(0, 0, 0, 1).sample(0, 1); });
  expect_error(ErrorKind::kUsage, "give more text", [&] { source(0, 0, 0, 1).sample(0, 1U << 20); });
  expect_error(ErrorKind::kUsage, "give more text", [&] { source(0, 1, 0, 0).sample(0, 1U << 20); });
  expect_error(ErrorKind::kUsage, "empty", [&] { Prose(tokenizer_, {}); });
  PlantedOptions options;
  expect_error(ErrorKind::kUsage, "no template", [&] { PlantedSource(tokenizer_, prose_, std::nullopt, options); });
  const Tokenizer numbers = Tokenizer::from_json(test::byte_level_tokenizer({{" ", "4"}, {"8", "2"}}).dump());
  expect_error(ErrorKind::kUsage, "token of its own", [&] { PlantedSource(numbers, prose_, frame_, options); });
  expect_error(ErrorKind::kInput, "changes messages",
               [&] { ChatFrame::of(ChatTemplate::parse("{{ messages[0].role }}"), tokenizer_); });
}

TEST(PlantedOptions, AreReadFromJson) {
  const auto read = [](const std::string& text) {
    const auto json = parse_json(text, "stage");
    JsonObject object(json, "stage");
    const PlantedOptions options = read_planted_options(object, 9);
    EXPECT_TRUE(object.unread().empty());
    return options;
  };
  EXPECT_EQ(read("{}").note, 1);
  EXPECT_EQ(read("{}").seed, 9U);
  const PlantedOptions options = read(R"({"plain":0.5,"digest":2,"max_facts":7})");
  EXPECT_EQ(options.plain, 0.5);
  EXPECT_EQ(options.note, 0);
  EXPECT_EQ(options.digest, 2);
  EXPECT_EQ(options.max_facts, 7U);
  EXPECT_EQ(options.fact_last, 0);
  EXPECT_EQ(read(R"({"fact_last":0.25})").fact_last, 0.25);
  expect_error(ErrorKind::kInput, "between 0 and 1", [&] { read(R"({"fact_last":1.5})"); });
  expect_error(ErrorKind::kInput, "negative", [&] { read(R"({"plain":-1,"note":3})"); });
  expect_error(ErrorKind::kInput, "all 0", [&] { read(R"({"plain":0})"); });
  expect_error(ErrorKind::kInput, "between 1 and 1000", [&] { read(R"({"max_facts":0})"); });
  expect_error(ErrorKind::kInput, "between 1 and 1000", [&] { read(R"({"max_facts":1001})"); });
}

}  // namespace
}  // namespace proxima
