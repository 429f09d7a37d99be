// SPDX-License-Identifier: MIT
// The BPE trainer against a slow one that counts everything again for each merge, and its files against the tokenizer.
#include "apps/train/bpe_trainer.h"
#include "apps/eval/word_lists.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "apps/train/tokenizer_files.h"
#include "model/chat_template.h"
#include "model/tokenizer.h"
#include "test/cli.h"

namespace proxima {
namespace {

using Merges = std::vector<std::pair<std::string, std::string>>;
using Words = std::map<std::vector<std::string>, uint64_t>;

// Ids of tokens in the order of their coming decide ties, so the slow trainer keeps them too.
Merges slow_merges(const std::vector<std::string>& pieces, size_t n_tokens) {
  std::map<std::string, size_t> ids;
  for (int byte = 0; byte < 256; ++byte) ids.emplace(std::string(1, static_cast<char>(byte)), ids.size());
  std::vector<std::vector<std::string>> words;
  for (const std::string& piece : pieces) {
    words.emplace_back();
    for (const char byte : piece) words.back().emplace_back(1, byte);
  }
  Merges merges;
  while (ids.size() < n_tokens) {
    std::map<std::pair<size_t, size_t>, std::pair<size_t, std::pair<std::string, std::string>>> counts;
    for (const auto& word : words) {
      for (size_t i = 1; i < word.size(); ++i) {
        auto& counted = counts[{ids.at(word[i - 1]), ids.at(word[i])}];
        ++counted.first;
        counted.second = {word[i - 1], word[i]};
      }
    }
    std::pair<size_t, std::pair<std::string, std::string>> best = {1, {}};
    for (const auto& [pair, counted] : counts) {
      if (counted.first > best.first) best = counted;
    }
    if (best.first < 2) break;
    const auto& [left, right] = best.second;
    merges.push_back(best.second);
    ids.emplace(left + right, ids.size());
    for (auto& word : words) {
      std::vector<std::string> merged;
      for (size_t i = 0; i < word.size(); ++i) {
        const bool here = i + 1 < word.size() && word[i] == left && word[i + 1] == right;
        merged.push_back(here ? left + right : word[i]);
        if (here) ++i;
      }
      word = merged;
    }
  }
  return merges;
}

Merges spelled(const BpeVocabulary& vocabulary) {
  Merges merges;
  for (const auto& [left, right] : vocabulary.merges) {
    merges.emplace_back(vocabulary.tokens.at(left), vocabulary.tokens.at(right));
  }
  return merges;
}

// A pre-tokenizer that cuts behind nothing but at blanks, so that the test can cut for itself.
constexpr const char* kBlanks = R"({"type":"Split","pattern":{"String":" "},"behavior":"Isolated","invert":false})";

TEST(BpeTrainer, LearnsWhatASlowOneLearns) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    // Few letters make runs, ties and several ways to one token.
    const size_t n_letters = 1 + random() % 5;
    std::string text;
    std::vector<std::string> pieces;
    for (size_t word = 0; word < 1 + random() % 60; ++word) {
      std::string piece;
      for (size_t i = 0; i < 1 + random() % 12; ++i) piece += static_cast<char>('a' + random() % n_letters);
      if (word > 0) {
        text += ' ';
        pieces.emplace_back(" ");
      }
      text += piece;
      pieces.push_back(piece);
    }
    BpeTrainer trainer(kBlanks);
    trainer.add(text);
    const size_t n_tokens = 256 + random() % 80;
    const BpeVocabulary vocabulary = trainer.train(n_tokens);
    EXPECT_EQ(spelled(vocabulary), slow_merges(pieces, n_tokens)) << text;
    EXPECT_LE(vocabulary.tokens.size(), n_tokens);
  }
}

TEST(BpeTrainer, TiesGoToTheLowestIds) {
  BpeTrainer trainer(kBlanks);
  trainer.add("cd ab cd ab xy");
  EXPECT_EQ(spelled(trainer.train(1000)), (Merges{{"a", "b"}, {"c", "d"}}));
  EXPECT_EQ(trainer.train(256).tokens.size(), 256U);
}

TEST(BpeTrainer, TextsInAnyOrderAndOfAnyLength) {
  std::string book;
  std::mt19937 random(1);
  while (book.size() < 300000) {
    for (size_t i = 0; i < 1 + random() % 9; ++i) book += static_cast<char>('a' + random() % 26);
    book += random() % 9 == 0 ? "\n\n" : " ";
  }
  book += 'w';
  const std::string pre_tokenizer = byte_level_pre_tokenizer(true);
  const std::string whole_line(100000, 'z');
  BpeTrainer one(pre_tokenizer);
  one.add(book + "\nx" + whole_line);
  BpeTrainer parts(pre_tokenizer);
  parts.add("x" + whole_line);
  const size_t middle = book.find(' ', book.size() / 2);  // a word takes the blank before it
  parts.add(book.substr(middle) + "\n");
  parts.add(book.substr(0, middle));
  EXPECT_EQ(one.train(700).merges, parts.train(700).merges);
}

std::string awkward_text() {
  std::string text =
      "Tobina 4821, r\xc3\xa9sum\xc3\xa9 \xe2\x80\x94 \xf0\x9f\x98\x80\xf0\x9f\x98\x80 don't  stop\t\t\r\n\n x";
  for (char byte = 1; byte < 127; ++byte) text += byte;
  return text + "\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf4\x8f\xbf\xbf end ";
}

Tokenizer learnt(const std::string& text, size_t n_tokens) {
  const std::string pre_tokenizer = byte_level_pre_tokenizer(true);
  BpeTrainer trainer(pre_tokenizer);
  trainer.add(text);
  return Tokenizer::from_json(tokenizer_json(trainer.train(n_tokens), chat_tokens(), pre_tokenizer));
}

TEST(TokenizerFiles, OpenAndGiveTheTextBack) {
  const Tokenizer tokenizer = learnt(awkward_text() + awkward_text() + " the then them the", 320);
  for (const std::string& text :
       {awkward_text(), std::string("quite other words 0123456789 \xe4\xbd\xa0\xe5\xa5\xbd")}) {
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  }
  EXPECT_EQ(tokenizer.id_of("<|endoftext|>"), 256U);
  EXPECT_EQ(tokenizer.id_of("<|end|>"), 260U);
  EXPECT_TRUE(tokenizer.is_special(258));
  EXPECT_EQ(tokenizer.n_tokens(), 325U);
  EXPECT_EQ(tokenizer.encode("<|user|>").size(), 1U);
}

TEST(TokenizerFiles, DigitsAreTokensOfTheirOwn) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += "number 4821 4821, 4821";
  const Tokenizer tokenizer = learnt(text, 400);
  const auto value = tokenizer.encode("4821");
  EXPECT_EQ(value, (std::vector<TokenId>{'4', '8', '2', '1'}));
  const auto behind = tokenizer.encode("number 4821");
  ASSERT_EQ(behind.size(), 6U);  // the word, the blank, the digits
  EXPECT_EQ(std::vector<TokenId>(behind.begin() + 2, behind.end()), value);
}

TEST(TrainTokenizerCommand, WritesAFolderThatOpens) {
  const test::Cli cli;
  const std::string sample = PROXIMA_SOURCE_DIR "/data/explore/prose.txt";
  const auto made = cli.run("train-tokenizer " + sample + " -o t --vocab-size 500");
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_NE(made.err.find("500 tokens learnt"), std::string::npos) << made.err;
  const Tokenizer tokenizer = Tokenizer::open(cli.path("t"));
  EXPECT_EQ(tokenizer.n_tokens(), 500U);
  const std::vector<ChatMessage> messages = {{"user", "What?"}, {"assistant", "4821"}, {"user", "And?"}};
  EXPECT_EQ(ChatTemplate::open(cli.path("t")).render(messages),
            "<|user|>What?<|end|><|assistant|>4821<|end|><|user|>And?<|end|><|assistant|>");
  EXPECT_EQ(tokenizer.encode("<|user|>What?<|end|><|assistant|>").front(), tokenizer.id_of("<|user|>"));
  const auto expect = [&](const std::string& arguments, int exit_code, const std::string& message) {
    const auto result = cli.run("train-tokenizer " + arguments);
    EXPECT_EQ(result.exit_code, exit_code) << arguments;
    EXPECT_NE(result.err.find(message), std::string::npos) << result.err;
  };
  expect(sample + " -o t", 2, "holds a tokenizer already");
  expect(sample + " -o u --vocab-size 100000", 2, "give more text or a smaller size");
  EXPECT_FALSE(std::filesystem::exists(cli.path("u/tokenizer.json")));
  expect(sample + " -o u --vocab-size 260", 2, "--vocab-size");
  expect("none.txt -o u", 3, "none.txt");
  expect("-o u", 2, "texts");
}

TEST(TrainTokenizerCommand, WordsOfFactNamesAreTokensOrItSaysNo) {
  const test::Cli cli;
  RandomStream random(1, "words");
  std::string text;
  for (int i = 0; i < 20000; ++i) text += random_name(random, 2) + " ";
  cli.write("text.txt", text);
  const std::string command = "train-tokenizer text.txt --vocab-size ";
  const auto n_whole = [&](const std::string& folder) {
    const Tokenizer tokenizer = Tokenizer::open(cli.path(folder));
    size_t n = 0;
    for (const auto* words : {&adjectives(), &nouns()}) {
      for (const std::string& word : *words) n += tokenizer.encode(" " + word).size() == 1 ? 1U : 0U;
    }
    return n;
  };
  const auto large = cli.run(command + "2000 -o with --fact-names");
  ASSERT_EQ(large.exit_code, 0) << large.err;
  EXPECT_EQ(n_whole("with"), adjectives().size() + nouns().size());
  ASSERT_EQ(cli.run(command + "1000 -o without").exit_code, 0);
  EXPECT_LT(n_whole("without"), 10U);
  const auto small = cli.run(command + "600 -o small --fact-names");
  EXPECT_EQ(small.exit_code, 2);
  EXPECT_NE(small.err.find("give a larger --vocab-size"), std::string::npos) << small.err;
  EXPECT_FALSE(std::filesystem::exists(cli.path("small/tokenizer.json")));
}

}  // namespace
}  // namespace proxima
