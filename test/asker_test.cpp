// SPDX-License-Identifier: MIT
// Answers against a greedy loop over the slow forward pass in double, however the document was read.
#include "apps/eval/asker.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "test/expect_error.h"
#include "test/reference_transformer.h"
#include "test/run_model.h"
#include "test/tiny_model.h"

namespace proxima {
namespace {

constexpr size_t kPredict = 6;

class AskerTest : public ::testing::Test {
 protected:
  AskerTest() {
    test::TinyModelOptions tiny;
    tiny.vocab = 300;
    tiny.layers = 4;
    test::write_tiny_model(folder_.path(), tiny);
    std::filesystem::copy(PROXIMA_SOURCE_DIR "/data/toy/tokenizer.json", folder_.path());
    options_.model = folder_.path();
    options_.quiet = true;
    options_.precision = Precision::kF64;
    options_.chunk = 16;
  }

  // The context's first 40 ids are common to all questions.
  std::vector<Question> questions() const {
    const auto context = test::random_ids(40, 250, 1);
    std::vector<Question> all;
    for (const size_t n : {size_t{5}, size_t{1}, size_t{9}}) {
      Question& question = all.emplace_back(Question{context, context.size()});
      for (const TokenId id : test::random_ids(n, 250, 100 + n)) question.ids.push_back(id);
    }
    return all;
  }

  std::string slow_answer(const Session& session, const Tokenizer& tokenizer, std::vector<TokenId> ids) const {
    const size_t vocab = session.model().config.vocab;
    const auto& map = session.request().cache.map;
    const size_t n_prompt = ids.size();
    for (size_t n = 0; n < kPredict; ++n) {
      const auto result = reference::run(session.model(), ids, {.pod = map ? &*map : nullptr});
      const auto row = result.logits.end() - static_cast<std::ptrdiff_t>(vocab);
      ids.push_back(static_cast<TokenId>(std::max_element(row, result.logits.end()) - row));
    }
    return tokenizer.decode(std::span(ids).subspan(n_prompt), true);
  }

  test::TemporaryFolder folder_;
  CommonOptions options_;
};

TEST_F(AskerTest, AnswersAreThoseOfTheSlowForwardPass) {
  for (const bool pod : {false, true}) {
    if (pod) {
      options_.cache = CacheKind::kPod;
      options_.pod_uniform = 2;
      options_.ns = 3;
      options_.nr = 7;
    }
    const Session session(options_);
    const Tokenizer tokenizer = Tokenizer::open(folder_.path());
    for (const SelectWith select_with : {SelectWith::kQuestion, SelectWith::kContext}) {
      const Asker asker(session, tokenizer, select_with);
      const auto all = questions();
      const auto answers = asker.ask("test", all, {.n_predict = kPredict});
      ASSERT_EQ(answers.size(), all.size());
      for (size_t index = 0; index < all.size(); ++index) {
        EXPECT_EQ(answers[index].text, slow_answer(session, tokenizer, all[index].ids))
            << "pod " << pod << " " << select_with_name(select_with) << " question " << index;
        EXPECT_EQ(answers[index].n_generated, kPredict);
        const size_t n_tokens = all[index].ids.size() + kPredict - 1;
        EXPECT_EQ(answers[index].kv_dense, 2 * 8 * 4 * 2 * 16 * n_tokens);
        EXPECT_EQ(answers[index].kv.logical < answers[index].kv_dense, pod);
        // Alone, without a snapshot.
        EXPECT_EQ(asker.ask("test", {all[index]}, {.n_predict = kPredict}).front().text, answers[index].text);
      }
    }
  }
}

TEST_F(AskerTest, RulesOfStopping) {
  const Session session(options_);
  const Tokenizer tokenizer = Tokenizer::open(folder_.path());
  const Asker asker(session, tokenizer, SelectWith::kQuestion);
  const auto question = questions().front();
  const std::string whole = asker.ask("test", {question}, {.n_predict = 40}).front().text;
  const auto cut = asker.ask("test", {question}, {.n_predict = 40, .stop_at_newline = true}).front();
  EXPECT_EQ(cut.text, whole.substr(0, whole.find('\n')));
  test::expect_error(ErrorKind::kUsage, "no context before the question", [&] {
    Asker(session, tokenizer, SelectWith::kContext).ask("test", {{question.ids, 0}}, {});
  });
  test::expect_error(ErrorKind::kContext, "do not fit", [&] { asker.ask("test", {question}, {.n_predict = 5000}); });
}

TEST_F(AskerTest, QuestionsKnowWhereTheirContextEnds) {
  const Session session(options_);
  const Tokenizer tokenizer = Tokenizer::open(folder_.path());
  const PromptWriter raw({}, folder_.path());
  const Question question = make_question(session, tokenizer, raw, "context and question", 7, "!");
  EXPECT_EQ(tokenizer.decode(question.ids), "context and question!");
  EXPECT_EQ(question.n_context, 7U);
  test::write_text(folder_.path() / "chat_template.jinja",
                   "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}:");
  const PromptWriter chat({}, folder_.path());
  const Question asked = make_question(session, tokenizer, chat, "context and question", 7, "!");
  EXPECT_EQ(tokenizer.decode(asked.ids), "<user>context and question:!");
  EXPECT_EQ(asked.n_context, 6U + 7U);
  test::write_text(folder_.path() / "chat_template.jinja", "{% for m in messages %}{{ m.content | trim }}{% endfor %}");
  const PromptWriter trimming({}, folder_.path());
  test::expect_error(ErrorKind::kUsage, "changes the text",
                     [&] { make_question(session, tokenizer, trimming, " context ", 7); });
}

}  // namespace
}  // namespace proxima
