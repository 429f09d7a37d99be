// SPDX-License-Identifier: MIT
// Runs an exploration: plans its memory, passes over the samples, searches, and keeps what it has found on disk.
#pragma once

#include <vector>

#include "apps/explore_output.h"
#include "apps/explore_samples.h"
#include "apps/explore_state.h"
#include "apps/session.h"

namespace proxima {

class JobProgress;

class Explorer {
 public:
  // All must outlive it. Tasks follow the texts among the samples.
  Explorer(const ExploreOptions& options, const Session& session, std::span<const ExploreSample> samples,
           size_t n_texts, const ExploreFiles& files);

  // Throws Error(kMemory) before anything is read, Error(kInterrupt) with what is found so far written.
  void run();

 private:
  std::span<const ExploreSample> texts() const { return samples_.first(n_texts_); }
  size_t length() const { return samples_.front().ids.size(); }
  bool needs_meter() const { return options_.method == ExploreMethod::kKld || options_.n_measured.has_value(); }

  void restore();
  void save();
  void save_now_and_then();
  void plan_memory();

  void fill_table();
  template <class T>
  void fill_table_of();
  void curve_by_similarity();
  void curve_by_local_error();
  void search_by_damage();
  void add_search_points(const DamageSearch& search);
  void announce_search(const DamageMeter& meter, double seconds_per_layer_token) const;
  size_t steps_expected() const;
  void measure_points();
  double read_dense(DamageMeter& meter) const;  // seconds for a layer and token
  void finish(bool interrupted);
  CurvePoint dense_point() const;
  void say(const std::string& text) const;

  const ExploreOptions& options_;
  const Session& session_;
  std::span<const ExploreSample> samples_;
  size_t n_texts_;
  const ExploreFiles& files_;
  MemoryRequest request_;
  CacheGeometry geometry_;
  ExploreState state_;
  Exploration found_;
  size_t residual_stride_ = 1;
  double last_saved_ = 0;
};

}  // namespace proxima
