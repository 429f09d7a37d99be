// SPDX-License-Identifier: MIT
// What a run produced and what it cost, for people and for programs.
#pragma once

#include <string>

#include "apps/session.h"
#include "kvcache/skip_gate.h"
#include "model/generator.h"

namespace proxima {

struct Answer {
  std::string what;  // names the prompt
  std::string text;
  StopReason reason = StopReason::kLength;
  size_t n_prompt = 0;
  size_t n_cached = 0;     // of the prompt, from a saved cache
  size_t n_read = 0;       // the rest of the prompt; less only after an interrupt
  size_t n_truncated = 0;  // tokens cut from the document on request
  size_t n_generated = 0;
  double prompt_seconds = 0;
  double generate_seconds = 0;
  CacheBytes reading;            // when the prompt had been read, rings still long
  std::string cache_settings;    // JSON, "{}" where the kind has none
  std::vector<SkipCount> skips;  // [n_layers], empty without --skip-gate
  CacheBytes kv;                 // at the end
  size_t kv_tokens = 0;          // in the cache at the end
  size_t kv_dense = 0;           // what the dense cache would keep of them
  std::string digest;            // of all logits that tokens were picked from
  SamplerOptions sampler;
};

std::string_view finish_reason(StopReason reason);  // "stop", "length", "interrupted"

void print_statistics(const Session& session, const Job& job, const Answer& answer);
std::string answer_json(const Session& session, const Answer& answer);  // one line

}  // namespace proxima
