// SPDX-License-Identifier: MIT
#include "apps/train/prose.h"

#include <algorithm>
#include <array>

#include "core/error.h"

namespace proxima {
namespace {

bool is_one_of(char byte, std::string_view set) {
  return set.find(byte) != set.npos;
}

}  // namespace

Prose::Prose(const Tokenizer& tokenizer, std::span<const Document> texts) : flags_(tokenizer.n_tokens()) {
  for (const Document& text : texts) {
    const std::string_view end = text.text.ends_with("\n\n") ? "" : text.text.ends_with("\n") ? "\n" : "\n\n";
    const auto ids = tokenizer.encode(text.text + std::string(end), {.add_special = false, .parse_special = false});
    ids_.insert(ids_.end(), ids.begin(), ids.end());
  }
  for (size_t id = 0; id < flags_.size(); ++id) {
    const std::string bytes = tokenizer.decode(std::array{static_cast<TokenId>(id)});
    if (bytes.empty()) continue;
    const bool begins_line = bytes.front() == '\n';
    flags_[id] = static_cast<uint8_t>((is_one_of(bytes.back(), ".!?") ? kEndsSentence : 0) |
                                      (begins_line || bytes.front() == ' ' ? kBeginsBlank : 0) |
                                      (begins_line ? kBeginsLine : 0) | (bytes.back() == '\n' ? kEndsLine : 0));
  }
  for (size_t index = 0; index < ids_.size(); ++index) {
    if (index == 0 || (flag(index - 1, kEndsLine) && !begins_blank(index))) {
      paragraphs_.push_back(index);
    } else if (can_insert(index) && !flag(index, kBeginsLine)) {
      sentences_.push_back(index);
    }
  }
  if (paragraphs_.empty()) fail(ErrorKind::kUsage, "the texts are empty: there is no prose to train on");
}

size_t Prose::pick(const std::vector<size_t>& places, RandomStream& random, size_t n_tokens) const {
  const size_t limit = ids_.size() < n_tokens ? 0 : ids_.size() - n_tokens + 1;
  const auto n = static_cast<size_t>(std::ranges::lower_bound(places, limit) - places.begin());
  if (n == 0) {
    fail(ErrorKind::kUsage, "the texts hold {} tokens, too few for a sample with {} of prose; give more text",
         ids_.size(), n_tokens);
  }
  return places[random.below(n)];
}

}  // namespace proxima
