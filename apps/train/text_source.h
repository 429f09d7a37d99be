// SPDX-License-Identifier: MIT
// Windows of plain texts as training samples.
#pragma once

#include <memory>

#include "apps/text_windows.h"
#include "apps/train/sample_source.h"

namespace proxima {

// Each sample is a window that lies within one text, behind what the tokenizer puts first (BOS); every window of the
// length is as likely as any other, so that longer texts are read more often.
class TextSource final : public SampleSource {
 public:
  // Throws Error(kUsage) unless some text has a window of most_length tokens. `what` names the texts in messages.
  TextSource(std::shared_ptr<const TokenizedTexts> texts, size_t most_length, uint64_t seed, const std::string& what);

  Sample sample(uint64_t index, size_t length) const override;

 private:
  std::shared_ptr<const TokenizedTexts> texts_;
  uint64_t seed_;
};

}  // namespace proxima
