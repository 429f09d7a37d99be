// SPDX-License-Identifier: MIT
#include "apps/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include "apps/job_progress.h"
#include "core/memory_limit.h"

namespace proxima {
namespace {

// Seconds: short jobs stay silent, long ones say something within the first second or after their first chunk.
constexpr double kSilence = 0.8;
constexpr double kTerminalPause = 0.2;
constexpr double kPlainPause = 5;

ProgressMode resolved(ProgressMode mode) {
  return mode == ProgressMode::kAuto ? ProgressMode::kPlain : mode;
}

}  // namespace

ProgressReporter::ProgressReporter(ProgressMode mode, std::string what, size_t total, const ReadingEstimate& estimate)
    : mode_(resolved(mode)),
      on_terminal_(mode == ProgressMode::kAuto && isatty(STDERR_FILENO) == 1),
      asked_for_(mode == ProgressMode::kPlain || mode == ProgressMode::kJson),
      what_(std::move(what)),
      total_(total),
      estimate_(estimate) {}

ProgressReporter::~ProgressReporter() {
  if (on_terminal_ && last_shown_ >= 0) fmt::print(stderr, "\r\x1b[K");
}

void ProgressReporter::update(size_t done) {
  if (mode_ == ProgressMode::kNone) return;
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  estimate_.add(done, seconds);
  if (!is_due(done, seconds)) return;
  last_shown_ = seconds;
  const std::string text = line(done, seconds);
  fmt::print(stderr, "{}{}{}", on_terminal_ ? "\r" : "", text, on_terminal_ ? "\x1b[K" : "\n");
}

bool ProgressReporter::is_due(size_t done, double seconds) const {
  if (asked_for_ && (last_shown_ < 0 || done == total_)) return true;
  if (last_shown_ < 0) return seconds >= kSilence;
  return seconds - last_shown_ >= (on_terminal_ ? kTerminalPause : kPlainPause);
}

std::string ProgressReporter::line(size_t done, double seconds) const {
  if (mode_ == ProgressMode::kJson) {
    return fmt::format(R"({{"total":{},"cache":0,"processed":{},"time_ms":{:.0f},"eta_ms":{:.0f},"rss_bytes":{}}})",
                       total_, done, seconds * 1e3, estimate_.seconds_left(total_) * 1e3, process_memory().resident);
  }
  return fmt::format("{}: {}/{} tokens ({:.0f} %), {:.0f} tokens/s, {} left, RSS {:.0f} MiB", what_, done, total_,
                     100.0 * static_cast<double>(done) / static_cast<double>(total_),
                     static_cast<double>(done) / seconds, clock_text(estimate_.seconds_left(total_)),
                     static_cast<double>(process_memory().resident) / 1048576);
}

}  // namespace proxima
