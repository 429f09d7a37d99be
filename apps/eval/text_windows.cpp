// SPDX-License-Identifier: MIT
#include "apps/eval/text_windows.h"

#include <algorithm>

#include "core/error.h"

namespace proxima {
namespace {

using Ids = std::vector<TokenId>;

size_t chosen_length(std::span<const Document> texts, std::span<const Ids> tokens, size_t n_before,
                     const WindowRequest& request) {
  const auto shortest = std::ranges::min_element(tokens, {}, &Ids::size);
  const size_t available = shortest->size() + n_before;
  const std::string& name = texts[static_cast<size_t>(shortest - tokens.begin())].name;
  if (shortest->empty()) fail(ErrorKind::kUsage, "{} is empty: there is nothing to score", name);
  if (!request.length) return std::min({available, request.most_length, kDefaultWindow});
  if (*request.length > request.most_length) {
    fail(ErrorKind::kContext, "--length {} does not fit the context of {} tokens", *request.length,
         request.most_length);
  }
  if (*request.length > available) {
    fail(ErrorKind::kUsage, "{} has only {} tokens, --length asks for {}; give longer texts or a smaller length", name,
         available, *request.length);
  }
  return *request.length;
}

}  // namespace

Ids ids_before_text(const Tokenizer& tokenizer) {
  const Ids plain = tokenizer.encode("x", {.add_special = false});
  const Ids full = tokenizer.encode("x");
  return {full.begin(), std::ranges::search(full, plain).begin()};
}

std::vector<Ids> cut_windows(std::span<const Document> texts, const Tokenizer& tokenizer,
                             const WindowRequest& request) {
  const Ids before = ids_before_text(tokenizer);
  std::vector<Ids> tokens;
  for (const Document& text : texts) tokens.push_back(tokenizer.encode(text.text, {.add_special = false}));
  const size_t length = chosen_length(texts, tokens, before.size(), request);
  if (length <= before.size()) fail(ErrorKind::kUsage, "--length {} leaves no room for text", length);
  const size_t wanted = request.n_windows.value_or(kDefaultWindows);
  const size_t n_text = length - before.size();  // tokens of the text in each window
  std::vector<Ids> windows;
  for (const Ids& text : tokens) {
    for (size_t begin = 0; begin + n_text <= text.size() && windows.size() < wanted; begin += n_text) {
      Ids& window = windows.emplace_back(before);
      const auto first = text.begin() + static_cast<std::ptrdiff_t>(begin);
      window.insert(window.end(), first, first + static_cast<std::ptrdiff_t>(n_text));
    }
  }
  if (request.n_windows && windows.size() < wanted) {
    fail(ErrorKind::kUsage, "the texts hold {} windows of {} tokens, --windows asks for {}; give more text",
         windows.size(), length, wanted);
  }
  return windows;
}

}  // namespace proxima
