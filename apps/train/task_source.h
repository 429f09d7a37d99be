// SPDX-License-Identifier: MIT
// Tasks, lines {"context": text, "answer": text}, as training samples.
#pragma once

#include <string>

#include "apps/train/sample_source.h"
#include "model/tokenizer.h"

namespace proxima {

// A sample is as many tasks, in random order, as fit it whole, one after the other; what is left at its end is filled
// with the beginning of another, which counts as context. Only answers are learnt. Tasks longer than a sample are left
// out of it.
class TaskSource final : public SampleSource {
 public:
  // Throws Error(kInput) naming file and line, Error(kUsage) if no task fits least_length tokens.
  TaskSource(const std::string& path, const Tokenizer& tokenizer, size_t least_length, uint64_t seed);

  Sample sample(uint64_t index, size_t length) const override;

 private:
  std::vector<Sample> tasks_;
  uint64_t seed_;
};

}  // namespace proxima
