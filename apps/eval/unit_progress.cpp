// SPDX-License-Identifier: MIT
#include "apps/eval/unit_progress.h"

#include "apps/interrupt.h"
#include "core/error.h"

namespace proxima {
namespace {

constexpr double kPause = 5;  // seconds between lines

}  // namespace

UnitProgress::UnitProgress(std::string what, size_t n_units, bool quiet, std::string results_path)
    : what_(std::move(what)), n_units_(n_units), quiet_(quiet), results_path_(std::move(results_path)) {}

void UnitProgress::run(bool is_done, const std::function<void()>& part) {
  if (!is_done) {
    try {
      if (interrupted()) fail(ErrorKind::kInterrupt, "interrupted");
      part();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kInterrupt) throw;
      fail(ErrorKind::kInterrupt, "interrupted after {} of {} {}; {}", n_done_, n_units_, what_,
           results_path_.empty() ? "with -o FILE they would have been kept"
                                 : fmt::format("the same command goes on from {}", results_path_));
    }
    ++n_computed_;
  }
  ++n_done_;
  report();
}

void UnitProgress::report() {
  if (quiet_ || n_computed_ == 0) return;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  if (seconds - last_report_ < kPause) return;
  last_report_ = seconds;
  const double left = seconds / static_cast<double>(n_computed_) * static_cast<double>(n_units_ - n_done_);
  fmt::print(stderr, "proxima: {} of {} {}, {:.0f} s left\n", n_done_, n_units_, what_, left);
}

}  // namespace proxima
