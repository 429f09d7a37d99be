// SPDX-License-Identifier: MIT
// Training samples with facts planted in prose and questions for them, in the wording that `eval needle` measures.
//
//   plain   prose amber lantern4821. prose old ferry9921. prose old ferry9921. amber lantern4821.
//   note    <user> prose Note: the number of the amber lantern is 4821. prose What is the number of the amber lantern?
//           <assistant>4821<user>What is the number of the old ferry?<assistant>9921
//   digest  <user> prose Note A amber lantern 4821. prose Note B old ferry 9921. prose List all notes.
//           <assistant>Note A amber lantern 4821. Note B old ferry 9921. Note C none.
//   prose   prose
//
// There are as many questions as facts, each for any of them and after the other's answer: one forward pass trains as
// many lookups. Names are an adjective and a noun, some 10,000, and differ within a document; a tokenizer that has
// these words as tokens makes a name two tokens, the same wherever it stands. Values are four digits, each a token of
// its own. What is planted is not predicted (it cannot be), questions neither; prose, answers and the token that ends
// an answer are. In a digest each token of a name counts as the first of an answer. A letter lets the next note be
// looked up like a name: numbers instead were not learnt in 1.4 million tokens, nor a colon behind the letter in 0.7,
// where half a million do.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/eval/needle_style.h"
#include "apps/train/prose.h"
#include "apps/train/sample_source.h"
#include "core/json_object.h"
#include "model/chat_template.h"

namespace proxima {

struct PlantedOptions {
  uint64_t seed = 0;
  double plain = 0;  // weights of the forms
  double note = 1;
  double digest = 0;
  double prose = 0;
  size_t max_facts = 48;  // of a document
  double fact_last = 0;   // share of documents that surely end with a fact
};

// Reads the keys of the same names, seed excepted, those that are there. Throws Error(kInput) for values that make no
// sense.
PlantedOptions read_planted_options(JsonObject& object, uint64_t seed);

// What a chat template puts around a question and its answer, as tokens.
struct ChatFrame {
  std::vector<TokenId> before;    // the first user message
  std::vector<TokenId> asked;     // between question and answer
  std::vector<TokenId> answered;  // between an answer and the next question; its first token ends the answer

  // Throws Error(kInput) where the template changes messages or does not end an answer.
  static ChatFrame of(const ChatTemplate& chat, const Tokenizer& tokenizer);
};

// Immutable and thread-safe.
class PlantedSource : public SampleSource {
 public:
  // The tokenizer must outlive the source. Without a frame only plain and prose can be had.
  PlantedSource(const Tokenizer& tokenizer, std::shared_ptr<const Prose> prose, std::optional<ChatFrame> frame,
                const PlantedOptions& options);

  // Throws Error(kUsage) where `length` is too short for a fact and its question or too long for the prose.
  Sample sample(uint64_t index, size_t length) const override;

 private:
  enum class Form { kPlain, kNote, kDigest, kProse };
  using Ids = std::vector<TokenId>;
  struct Fact {
    std::string name;
    std::string value;
    Ids in_prose;  // with the blank before it
    Ids as_line;   // with the line's end before it; empty where the form has none
    Ids question;
    Ids answer;
  };
  class Writer;

  static NeedleStyle style_of(Form form);
  static size_t typical_cost(Form form);
  Form draw_form(RandomStream& random) const;
  Fact draw_fact(RandomStream& random, Form form, const std::vector<Fact>& others) const;
  std::vector<Fact> draw_facts(RandomStream& random, Form form, size_t length) const;
  static size_t n_tokens_planted(const Fact& fact);
  size_t n_tokens_asked(const Fact& fact, Form form) const;
  size_t n_tokens_of_frame(Form form) const;
  std::vector<Fact> draw_asked(RandomStream& random, Form form, const std::vector<Fact>& facts, size_t room) const;
  void write_document(Writer& writer, RandomStream& random, const std::vector<Fact>& facts, size_t n_prose) const;
  void write_questions(Writer& writer, Form form, const std::vector<Fact>& asked) const;
  void write_digest(Writer& writer, const std::vector<Fact>& facts) const;
  void write_facts(Writer& writer, RandomStream& random, Form form, size_t length) const;
  void fill(Writer& writer, RandomStream& random, size_t length) const;
  Ids encode(const std::string& text) const;

  const Tokenizer& tokenizer_;
  std::shared_ptr<const Prose> prose_;
  std::optional<ChatFrame> frame_;
  PlantedOptions options_;
  std::optional<TokenId> separator_;  // of documents
  Ids to_question_;                   // between document and question
};

}  // namespace proxima
