// SPDX-License-Identifier: MIT
// Reading a prompt, which may take hours: with progress on standard error, and to be interrupted.
#pragma once

#include <chrono>
#include <string>

#include "apps/progress.h"
#include "apps/session.h"
#include "model/generator.h"

namespace proxima {

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

struct Reading {
  size_t n_read = 0;
  double seconds = 0;
  CacheBytes bytes;          // after the last chunk, rings still long
  bool interrupted = false;  // by the user: then n_read may be less than there was
};

// Reads `ids` into the job's cache, behind what it holds; `what` names them. `observer` may be null.
Reading read_prompt(const Session& session, const Job& job, Generator& generator, const std::string& what,
                    std::span<const TokenId> ids, size_t n_predict, ProgressMode mode, Observer* observer);

}  // namespace proxima
