// SPDX-License-Identifier: MIT
// `proxima train-tokenizer`: learns a byte-level BPE tokenizer from texts.
#pragma once

#include <string>
#include <vector>

#include "apps/common_options.h"

namespace proxima {

struct TrainTokenizerOptions {
  CommonOptions common;  // only its verbosity
  std::vector<std::string> texts;
  std::string output;  // folder
  size_t vocab_size = 4096;
  bool fact_names = false;  // adds the words of planted facts' names (apps/eval/word_lists.h)
};

void declare_train_tokenizer(CLI::App& app, TrainTokenizerOptions& options);
// Throws Error(kUsage) where the texts hold too little for the vocabulary or the folder has a tokenizer.
void train_tokenizer(const TrainTokenizerOptions& options);

}  // namespace proxima
