// SPDX-License-Identifier: MIT
#include "apps/text_windows.h"

#include <algorithm>

#include "core/error.h"

namespace proxima {
namespace {

using Ids = std::vector<TokenId>;

}  // namespace

TokenizedTexts tokenize_texts(std::span<const Document> texts, const Tokenizer& tokenizer) {
  const Ids plain = tokenizer.encode("x", {.add_special = false});
  const Ids full = tokenizer.encode("x");
  TokenizedTexts tokenized{{full.begin(), std::ranges::search(full, plain).begin()}, {}};
  for (const Document& text : texts) {
    tokenized.texts.push_back(tokenizer.encode(text.text, {.add_special = false}));
  }
  return tokenized;
}

size_t window_length(std::span<const Document> texts, const TokenizedTexts& tokenized, std::optional<size_t> asked,
                     size_t most_length, size_t default_length) {
  const auto shortest = std::ranges::min_element(tokenized.texts, {}, &Ids::size);
  const size_t available = shortest->size() + tokenized.before.size();
  if (!asked) return std::min({available, most_length, default_length});
  if (*asked > most_length) {
    fail(ErrorKind::kContext, "--length {} does not fit the context of {} tokens", *asked, most_length);
  }
  if (*asked > available) {
    fail(ErrorKind::kUsage, "{} has only {} tokens, --length asks for {}; give longer texts or a smaller length",
         texts[static_cast<size_t>(shortest - tokenized.texts.begin())].name, available, *asked);
  }
  return *asked;
}

std::vector<Ids> cut_texts(const TokenizedTexts& tokenized, size_t length, size_t n) {
  const size_t n_text = length - tokenized.before.size();  // tokens of the text in each window
  std::vector<Ids> windows;
  for (const Ids& text : tokenized.texts) {
    for (size_t begin = 0; begin + n_text <= text.size() && windows.size() < n; begin += n_text) {
      Ids& window = windows.emplace_back(tokenized.before);
      const auto first = text.begin() + static_cast<std::ptrdiff_t>(begin);
      window.insert(window.end(), first, first + static_cast<std::ptrdiff_t>(n_text));
    }
  }
  return windows;
}

std::vector<Ids> cut_windows(std::span<const Document> texts, const Tokenizer& tokenizer,
                             const WindowRequest& request) {
  const TokenizedTexts tokenized = tokenize_texts(texts, tokenizer);
  const auto empty = std::ranges::find_if(tokenized.texts, &Ids::empty);
  if (empty != tokenized.texts.end()) {
    fail(ErrorKind::kUsage, "{} is empty: there is nothing to score",
         texts[static_cast<size_t>(empty - tokenized.texts.begin())].name);
  }
  const size_t length = window_length(texts, tokenized, request.length, request.most_length, kDefaultWindow);
  if (length <= tokenized.before.size()) fail(ErrorKind::kUsage, "--length {} leaves no room for text", length);
  const size_t wanted = request.n_windows.value_or(kDefaultWindows);
  std::vector<Ids> windows = cut_texts(tokenized, length, wanted);
  if (request.n_windows && windows.size() < wanted) {
    fail(ErrorKind::kUsage, "the texts hold {} windows of {} tokens, --windows asks for {}; give more text",
         windows.size(), length, wanted);
  }
  return windows;
}

}  // namespace proxima
