// SPDX-License-Identifier: MIT
// How far reading a prompt has come, on standard error: tokens done of the total, speed, time left, memory. One line
// that updates itself on a terminal; otherwise a plain line every few seconds, without control characters, or JSON.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "apps/reading_estimate.h"

namespace proxima {

enum class ProgressMode { kAuto, kPlain, kJson, kNone };

class ProgressReporter {
 public:
  // `what` begins each line: a file's name, or "prompt".
  ProgressReporter(ProgressMode mode, std::string what, size_t total, const ReadingEstimate& estimate);
  ~ProgressReporter();
  ProgressReporter(const ProgressReporter&) = delete;
  ProgressReporter& operator=(const ProgressReporter&) = delete;

  void update(size_t done);

 private:
  using Clock = std::chrono::steady_clock;

  bool is_due(size_t done, double seconds) const;
  std::string line(size_t done, double seconds) const;

  ProgressMode mode_;
  bool on_terminal_;
  bool asked_for_;  // --progress plain or json: the first and the last line come however short the job
  std::string what_;
  size_t total_;
  ReadingEstimate estimate_;
  Clock::time_point start_ = Clock::now();
  double last_shown_ = -1;  // seconds after the start; negative: nothing yet
};

}  // namespace proxima
