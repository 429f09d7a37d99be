// SPDX-License-Identifier: MIT
// Reads the "model" value of a tokenizer.json: the BPE options, the vocabulary and the merges.
#pragma once

#include "model/bpe.h"
#include "model/json_cursor.h"

namespace proxima {

struct BpeModel {
  Vocabulary vocabulary;
  MergeTable merges;
  BpeOptions options;
};

// The cursor stands before the value. Throws Error(kInput) naming the key, token or merge.
BpeModel read_bpe_model(JsonCursor& cursor);

}  // namespace proxima
