// SPDX-License-Identifier: MIT
// Needles in a haystack: facts at chosen depths of documents of chosen lengths, and questions for them.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "apps/eval/asker.h"
#include "apps/eval/haystack.h"
#include "apps/eval/needle_style.h"

namespace proxima {

struct NeedleOptions {
  std::vector<size_t> lengths;  // tokens of prompt and answer together; empty: chosen for the model
  std::vector<double> depths = {0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100};
  size_t n_facts = 1;  // of a document
  size_t n_repeats = 1;
  uint64_t seed = 0;
  std::string haystack;  // folder; empty: synthetic
  NeedleStyle style;
  size_t n_predict = 30;
  std::optional<size_t> buffer;  // tokens left for prompt and answer; absent: exactly what they need
  bool raw = false;              // no chat template
  SelectWith select_with = SelectWith::kQuestion;
};

// A document of one length with facts at some of the depths.
struct NeedleDocument {
  size_t length = 0;
  size_t repeat = 0;
  std::vector<double> depths;

  std::string key() const;
};

class NeedleTask {
 public:
  // Tokenizer, templates and lengths are the session's model's; both must outlive the task. Throws Error(kUsage) for
  // options that contradict each other and Error(kContext) for lengths beyond the model's context.
  NeedleTask(const Session& session, const Tokenizer& tokenizer, NeedleOptions options);

  const NeedleOptions& options() const { return options_; }
  const std::vector<NeedleDocument>& documents() const { return documents_; }
  void add_settings(nlohmann::ordered_json& settings) const;

  // Asks for every fact of a document under the session's cache. An array of objects: length, depth, question,
  // expected, what the Asker records, score (the expected phrase stands in the response) and overlap.
  nlohmann::ordered_json run(const Session& session, const NeedleDocument& document);

  // Every document and the question for one of its facts, which take turns, or the one for all, as lines {"context":
  // text, "answer": text} for `explore` and `adapt`. Throws Error(kUsage) where a prompt's text is not read back as the prompt.
  std::string tasks();

 private:
  struct Fact {
    double depth;
    std::string needle;
    std::string question;
    std::string answer;
  };
  std::vector<Fact> facts_of(const NeedleDocument& document) const;
  std::vector<Question> questions_of(const NeedleDocument& document, const std::vector<Fact>& facts);
  std::vector<Question> questions_in(const std::string& context, const std::vector<Fact>& facts) const;
  std::string document_text(const NeedleDocument& document, const std::vector<Fact>& facts, size_t n_haystack);

  const Session& session_;
  const Tokenizer& tokenizer_;
  NeedleOptions options_;
  PromptWriter writer_;
  Haystack haystack_;
  std::vector<NeedleDocument> documents_;
};

// Where a needle of this depth goes in a haystack of n tokens: floor(n depth / 100), moved back to the nearest index
// for which is_place says that a sentence ends before it; 0 at the start, 100 at the end.
size_t insertion_index(size_t n_haystack, double depth, const std::function<bool(size_t)>& is_place);

struct PlacedNeedle {
  double depth;
  std::string text;
};
// The haystack with needles, whose depths ascend, at the ends of sentences that a blank or a line's end follows.
std::string text_with_needles(const Tokenizer& tokenizer, std::span<const TokenId> haystack, const NeedleStyle& style,
                              std::span<const PlacedNeedle> needles);

// Mean of a figure of results over the cells of the grid, [depths][lengths]; NaN where there is none.
std::vector<std::vector<double>> needle_grid(const NeedleOptions& options,
                                             const std::vector<nlohmann::ordered_json>& results, const char* figure);

}  // namespace proxima
