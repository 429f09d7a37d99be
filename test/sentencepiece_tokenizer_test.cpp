// SPDX-License-Identifier: MIT
// Models are trained on the spot by SentencePiece's own trainer; its processor is the oracle for the pieces.
#include <gtest/gtest.h>

#ifdef PROXIMA_HAS_SENTENCEPIECE_TRAINER

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include "model/tokenizer.h"
#include "test/expect_error.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

class SentencePieceModel : public ::testing::Test {
 protected:
  SentencePieceModel() {
    std::string text;
    for (int line = 0; line < 300; ++line) {
      text += "the quick brown fox number " + std::to_string(line * 7919) + " jumps over the lazy dogs and the " +
              std::to_string(line % 13) + " hens\n";
    }
    test::write_text(folder_.path() / "text", text);
    const std::string prefix = (folder_.path() / "tokenizer").string();
    const auto status = sentencepiece::SentencePieceTrainer::Train(
        "--input=" + (folder_.path() / "text").string() + " --model_prefix=" + prefix +
        " --model_type=bpe --vocab_size=400 --byte_fallback=true --normalization_rule_name=identity"
        " --remove_extra_whitespaces=false --minloglevel=2 --num_threads=1");
    EXPECT_TRUE(status.ok()) << status.ToString();
    EXPECT_TRUE(processor_.Load(prefix + ".model").ok());
  }
  std::vector<TokenId> pieces(const std::string& text) const {
    std::vector<TokenId> ids;
    for (const int id : processor_.EncodeAsIds(text)) ids.push_back(static_cast<TokenId>(id));
    return ids;
  }

  test::TemporaryFolder folder_;
  sentencepiece::SentencePieceProcessor processor_;
};

std::vector<TokenId> join(std::initializer_list<std::vector<TokenId>> parts) {
  std::vector<TokenId> ids;
  for (const auto& part : parts) ids.insert(ids.end(), part.begin(), part.end());
  return ids;
}

TEST_F(SentencePieceModel, EncodesAndDecodesLikeTheLibrary) {
  const Tokenizer tokenizer = Tokenizer::open(folder_.path());
  const std::vector<TokenId> bos = {static_cast<TokenId>(processor_.bos_id())};
  const std::vector<TokenId> eos = {static_cast<TokenId>(processor_.eos_id())};
  for (const char* text : {"the quick fox", " two  spaces ", "\u65e5\u672c \U0001F600", "unseen WORDS\n", ""}) {
    EXPECT_EQ(tokenizer.encode(text), join({bos, pieces(text)})) << text;
    EXPECT_EQ(tokenizer.encode(text, {false, true}), pieces(text));
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text), true), text);
  }
  EXPECT_EQ(tokenizer.encode("the</s>dog", {false, true}), join({pieces("the"), eos, pieces("dog")}));
  EXPECT_EQ(tokenizer.encode("the</s>", {false, false}), pieces("the</s>"));
  EXPECT_TRUE(tokenizer.is_special(eos[0]));
  EXPECT_EQ(tokenizer.id_of("</s>"), eos[0]);
  EXPECT_EQ(tokenizer.n_tokens(), 400U);
}

TEST_F(SentencePieceModel, FollowsTheConfig) {
  test::write_text(folder_.path() / "tokenizer_config.json",
                   R"({"add_bos_token": false, "add_eos_token": true, "legacy": false,
      "added_tokens_decoder": {"400": {"content": "<|new|>", "special": true}}})");
  const Tokenizer tokenizer = Tokenizer::open(folder_.path());
  EXPECT_EQ(tokenizer.n_tokens(), 401U);
  const std::vector<TokenId> eos = {static_cast<TokenId>(processor_.eos_id())};
  EXPECT_EQ(tokenizer.encode("the"), join({pieces("the"), eos}));
  // Without the legacy behaviour no space comes before a stretch behind a special token.
  const auto ids = tokenizer.encode("the<|new|>dogs", {false, true});
  EXPECT_EQ(tokenizer.decode(ids), "the<|new|>dogs");
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 400U), 1);
}

TEST_F(SentencePieceModel, RefusesWhatItCannotHonour) {
  const auto expect_refused = [&](const char* part) {
    test::expect_error(ErrorKind::kInput, part, [&] { Tokenizer::open(folder_.path()); });
  };
  test::write_text(folder_.path() / "tokenizer_config.json", R"({"tokenizer_class": "T5Tokenizer"})");
  expect_refused("T5Tokenizer");
  test::write_text(folder_.path() / "tokenizer_config.json",
                   R"({"added_tokens_decoder": {"5": {"content": "<other>"}}})");
  expect_refused("id 5");
  test::write_text(folder_.path() / "tokenizer_config.json", "{}");
  test::write_text(folder_.path() / "added_tokens.json", "{}");
  expect_refused("added_tokens.json");
  test::write_text(folder_.path() / "tokenizer.model", "damaged");
  expect_refused("tokenizer.model");
}

}  // namespace
}  // namespace proxima

#endif
