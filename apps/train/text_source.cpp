// SPDX-License-Identifier: MIT
#include "apps/train/text_source.h"

#include <algorithm>

#include "apps/eval/random_stream.h"
#include "core/error.h"

namespace proxima {
namespace {

size_t n_windows(const std::vector<TokenId>& text, size_t n_tokens) {
  return text.size() < n_tokens ? 0 : text.size() - n_tokens + 1;
}

}  // namespace

TextSource::TextSource(std::shared_ptr<const TokenizedTexts> texts, size_t most_length, uint64_t seed,
                       const std::string& what)
    : texts_(std::move(texts)), seed_(seed) {
  size_t longest = 0;
  for (const auto& text : texts_->texts) longest = std::max(longest, text.size());
  longest += texts_->before.size();
  if (longest >= most_length && most_length > texts_->before.size()) return;
  fail(ErrorKind::kUsage, "{}: the longest text has {} tokens, too short for samples of {}; give longer texts", what,
       longest, most_length);
}

Sample TextSource::sample(uint64_t index, size_t length) const {
  const size_t n_tokens = length - texts_->before.size();
  size_t total = 0;
  for (const auto& text : texts_->texts) total += n_windows(text, n_tokens);
  RandomStream random(seed_ + index, "text");
  size_t begin = random.below(total);
  auto text = texts_->texts.begin();
  while (begin >= n_windows(*text, n_tokens)) begin -= n_windows(*text++, n_tokens);
  Sample sample{texts_->before, std::vector<TokenRole>(length, TokenRole::kText)};
  const auto first = text->begin() + static_cast<std::ptrdiff_t>(begin);
  sample.ids.insert(sample.ids.end(), first, first + static_cast<std::ptrdiff_t>(n_tokens));
  std::fill_n(sample.roles.begin(), std::max<size_t>(texts_->before.size(), 1), TokenRole::kContext);
  return sample;
}

}  // namespace proxima
