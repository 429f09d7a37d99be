// SPDX-License-Identifier: MIT
#include "apps/job_progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/memory_limit.h"

namespace proxima {
namespace {

constexpr double kSilence = 0.8;
constexpr double kTerminalPause = 0.2;
constexpr double kPlainPause = 5;

}  // namespace

std::string clock_text(double seconds) {
  const auto whole = std::lround(seconds);
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

JobProgress::JobProgress(ProgressMode mode, std::string what)
    : mode_(mode),
      on_terminal_(mode == ProgressMode::kAuto && isatty(STDERR_FILENO) == 1),
      asked_for_(mode == ProgressMode::kPlain || mode == ProgressMode::kJson),
      what_(std::move(what)) {}

JobProgress::~JobProgress() {
  if (on_terminal_ && last_shown_ >= 0) fmt::print(stderr, "\r\x1b[K");
}

double JobProgress::seconds_left(double done, double total) const {
  return done > first_done_ ? seconds() * (total - done) / (done - first_done_) : 0;
}

void JobProgress::update(double done, double total, const std::string& detail) {
  if (mode_ == ProgressMode::kNone) return;
  const bool first = first_done_ < 0;
  if (first) first_done_ = done, start_ = Clock::now();
  const double now = seconds();
  const double pause = last_shown_ < 0 ? kSilence : on_terminal_ ? kTerminalPause : kPlainPause;
  const bool due = now - std::max(last_shown_, 0.0) >= pause || (asked_for_ && (last_shown_ < 0 || done >= total));
  if (first || !due) return;
  last_shown_ = now;
  const double left = seconds_left(done, total);
  const size_t resident = process_memory().resident;
  if (mode_ == ProgressMode::kJson) {
    const nlohmann::ordered_json line = {{"job", what_},         {"detail", detail},     {"total", total},
                                         {"processed", done},    {"time_ms", now * 1e3}, {"eta_ms", left * 1e3},
                                         {"rss_bytes", resident}};
    fmt::print(stderr, "{}\n", line.dump());
    return;
  }
  fmt::print(stderr, "{}{}: {}, {:.0f} %, {} left, RSS {:.0f} MiB{}", on_terminal_ ? "\r" : "", what_, detail,
             100 * done / total, clock_text(left), static_cast<double>(resident) / 1048576,
             on_terminal_ ? "\x1b[K" : "\n");
}

}  // namespace proxima
