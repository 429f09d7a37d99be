// SPDX-License-Identifier: MIT
// How far a long job has come, on standard error, as apps/progress.h does it for reading a prompt: one line that
// updates itself on a terminal, otherwise a plain line every few seconds, or JSON.
#pragma once

#include <chrono>
#include <string>

#include "apps/progress.h"

namespace proxima {

// "1:05", "2:00:00"
std::string clock_text(double seconds);

class JobProgress {
 public:
  JobProgress(ProgressMode mode, std::string what);
  ~JobProgress();
  JobProgress(const JobProgress&) = delete;
  JobProgress& operator=(const JobProgress&) = delete;

  // `done` of `total` of any unit of work; the time left is what the rest takes at the speed since the first call.
  // `detail` says it in words.
  void update(double done, double total, const std::string& detail);
  double seconds_left(double done, double total) const;

 private:
  using Clock = std::chrono::steady_clock;
  double seconds() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

  ProgressMode mode_;
  bool on_terminal_;
  bool asked_for_;
  std::string what_;
  Clock::time_point start_ = Clock::now();
  double first_done_ = -1;
  double last_shown_ = -1;
};

}  // namespace proxima
