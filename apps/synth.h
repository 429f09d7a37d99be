// SPDX-License-Identifier: MIT
// `proxima synth`: a Llama folder of random weights and a byte-level tokenizer, to measure what a model of a given
// shape costs. What it writes in answer to a text means nothing.
#pragma once

#include <cstdint>
#include <string>

#include "apps/common_options.h"

namespace proxima {

// The defaults are SmolLM2-135M's.
struct SynthOptions {
  CommonOptions common;  // only its verbosity
  std::string output;
  size_t layers = 30;
  size_t hidden = 576;
  size_t heads = 9;
  size_t kv_heads = 3;
  size_t head_dim = 64;
  size_t intermediate = 1536;
  size_t vocab = 49152;  // at least 257: the bytes and one end token
  size_t max_position = 65536;
  size_t seed = 1;
  bool f32 = false;   // bf16 otherwise
  std::string learn;  // a text from which the tokenizer learns merges; none: one token a byte
};

void declare_synth(CLI::App& app, SynthOptions& options);
void synth(const SynthOptions& options);

}  // namespace proxima
