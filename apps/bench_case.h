// SPDX-License-Identifier: MIT
// One case of a benchmark, ready to be timed any number of times: a prompt read or tokens generated, behind tokens
// that the cache holds already.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/cache_spec.h"
#include "apps/session.h"

namespace proxima {

struct BenchTest {
  size_t n_prompt = 0;    // tokens to read, or
  size_t n_generate = 0;  // tokens to generate one by one; one of the two is 0
  size_t depth = 0;       // tokens in the cache before

  std::string name() const;  // "pp512", "tg128 @ d4096"
};

struct BenchSample {
  double seconds = 0;
  double bandwidth = 0;                 // bytes per second, read over the mapped weights before, between and after
  std::optional<double> peak;           // operations per second, likewise measured; where known
  std::optional<double> least_seconds;  // what these two allow; absent where the cache need not read what it keeps
};

class BenchCase {
 public:
  // Throws as Session::start() where the sequence does not fit the context or the memory.
  BenchCase(const Session& session, const CacheSpec& cache, const BenchTest& test);

  const BenchTest& test() const { return test_; }
  const Session& session() const { return session_; }
  const std::string& cache_name() const { return cache_name_; }

  // Fills a new cache to the depth and times the test once.
  BenchSample run();
  // Of the last run.
  size_t kv_bytes() const { return kv_bytes_; }

 private:
  // Most caches are filled with random keys and values of about unit size, which costs what a real document costs from
  // then on; those that select by attention read random tokens.
  void fill(Job& job) const;
  void read(Job& job, size_t n_tokens) const;
  double decode_bytes(const KvCache& cache) const;

  Session session_;
  std::string cache_name_;
  BenchTest test_;
  size_t kv_bytes_ = 0;
};

// Floating-point operations of reading n_tokens behind `depth` others, a multiply-add counts two: the matrix products,
// causal attention over what the layers' windows leave, and the logits of the last token.
double prefill_operations(const ModelConfig& config, size_t depth, size_t n_tokens);

}  // namespace proxima
