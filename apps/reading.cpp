// SPDX-License-Identifier: MIT
#include "apps/reading.h"

#include "apps/interrupt.h"
#include "core/error.h"

namespace proxima {

Reading read_prompt(const Session& session, const Job& job, Generator& generator, const std::string& what,
                    std::span<const TokenId> ids, size_t n_predict, ProgressMode mode, Observer* observer) {
  Reading reading;
  const Stopwatch watch;
  const bool silent = session.options().quiet && mode == ProgressMode::kAuto;
  ProgressReporter reporter(silent ? ProgressMode::kNone : mode, what, ids.size(),
                            ReadingEstimate(attention_share(session.model().config)));
  const auto report = [&](const Progress& progress) {
    reading.bytes = job.cache->total_bytes();
    reading.n_read = progress.done;
    reporter.update(progress.done);
    return !interrupted();
  };
  try {
    generator.read_prompt(ids, n_predict, report, observer);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kInterrupt) throw;
    reading.interrupted = true;
  }
  reading.seconds = watch.seconds();
  return reading;
}

}  // namespace proxima
