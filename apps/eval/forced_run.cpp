// SPDX-License-Identifier: MIT
#include "apps/eval/forced_run.h"

#include <chrono>
#include <vector>

#include "apps/interrupt.h"
#include "core/error.h"
#include "model/generator.h"

namespace proxima {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Hands on the logits of positions [first, end); asks for none while it need not.
class PromptRows final : public Observer {
 public:
  PromptRows(size_t first, size_t end, size_t max_chunk, const ScoreRow& score)
      : first_(first), end_(end), max_chunk_(max_chunk), score_(score) {}

  bool wants(Point point, size_t /*layer*/) const override {
    return point == Point::kLogits && n_read_ + max_chunk_ > first_ && first_ < end_;
  }
  void observe(const Observation& rows) override {
    widened_.resize(rows.n_columns);
    for (size_t row = 0; row < rows.n_rows; ++row) {
      const size_t position = rows.first_position + row;
      if (position < first_ || position >= end_) continue;
      widen_row(rows, row);
      score_(position + 1, widened_);
    }
  }
  void has_read(size_t n_tokens) { n_read_ = n_tokens; }

 private:
  void widen_row(const Observation& rows, size_t row) {
    const auto copy = [&](const auto* data) {
      std::copy_n(data + row * rows.n_columns, rows.n_columns, widened_.begin());
    };
    if (rows.dtype == DType::kF64) {
      copy(static_cast<const double*>(rows.data));
    } else {
      copy(static_cast<const float*>(rows.data));
    }
  }

  size_t first_;
  size_t end_;
  size_t max_chunk_;
  const ScoreRow& score_;
  size_t n_read_ = 0;
  std::vector<double> widened_;
};

}  // namespace

ForcedCost run_forced(const Session& session, const std::string& what, const ForcedSequence& sequence,
                      const ScoreRow& score) {
  const auto& ids = sequence.ids;
  const size_t n_prompt = ids.size() - sequence.n_forced;
  Job job = session.start(what, n_prompt, sequence.n_forced);
  Generator generator(*job.transformer, *job.cache);
  PromptRows rows(n_prompt - 1 - sequence.n_scored_prompt, n_prompt - 1, job.transformer->limits().max_chunk, score);
  ProgressReporter reporter(session.options().quiet ? ProgressMode::kNone : ProgressMode::kAuto, what, n_prompt,
                            ReadingEstimate(attention_share(session.model().config)));
  ForcedCost cost;
  auto start = std::chrono::steady_clock::now();
  const auto report = [&](const Progress& progress) {
    cost.reading = job.cache->total_bytes();
    rows.has_read(progress.done);
    reporter.update(progress.done);
    return !interrupted();
  };
  generator.read_prompt(ids.first(n_prompt), sequence.n_forced, report, &rows);
  cost.prompt_seconds = seconds_since(start);
  start = std::chrono::steady_clock::now();
  for (size_t target = n_prompt; target < ids.size(); ++target) {
    score(target, generator.logits());
    if (target + 1 == ids.size()) break;
    if (interrupted()) fail(ErrorKind::kInterrupt, "interrupted");
    generator.take(ids[target]);
  }
  cost.forced_seconds = seconds_since(start);
  cost.kv = job.cache->total_bytes();
  cost.n_tokens = job.cache->n_tokens();
  cost.kv_dense =
      planned_cache_bytes({}, job.cache->geometry(), job.cache->capacity(), cost.n_tokens, CachePhase::kAfterPrompt)
          .logical;
  return cost;
}

}  // namespace proxima
