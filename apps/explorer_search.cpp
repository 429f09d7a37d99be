// SPDX-License-Identifier: MIT
// The search by measured damage, with what it will take and how far it has come.
#include "apps/explorer.h"
#include "apps/interrupt.h"
#include "apps/job_progress.h"
#include "core/error.h"

namespace proxima {
namespace {

// A step is run once to keep it and measured once or twice, as tests showed; in the beginning, from eight cells to all
// of them are measured, as their damage agrees with their local errors or not.
constexpr double kFewestPerStep = 2, kMostPerStep = 3, kFewestAtFirst = 8;

bool go_on() {
  return !interrupted();
}

}  // namespace

void Explorer::announce_search(const DamageMeter& meter, double seconds_per_layer_token) const {
  const size_t n_steps = steps_expected() - std::min(steps_expected(), state_.search.steps.size());
  double all = 0, n_cells = 0;
  for (const Cell& cell : borrowable_cells(identity_map(geometry_, options_.ns, options_.nr), geometry_)) {
    all += meter.layer_tokens(cell.layer);
    ++n_cells;
  }
  const double one = all / n_cells * seconds_per_layer_token;
  const auto steps = static_cast<double>(n_steps);
  const bool fresh = state_.search.steps.empty();
  const double fewest = steps * kFewestPerStep + (fresh ? kFewestAtFirst : 0);
  const double most = steps * kMostPerStep + (fresh ? n_cells : 0);
  say(fmt::format("{}{} steps to search, about {:.0f} to {:.0f} runs of {:.2g} s: {} to {} in all{}",
                  options_.target_saving || options_.whole_curve ? "" : "at most ", n_steps, fewest, most, one,
                  clock_text(fewest * one), clock_text(most * one),
                  options_.max_damage ? ", less if the damage limit comes first" : ""));
}

void Explorer::search_by_damage() {
  found_.points = {dense_point()};
  DamageSearch search(state_.table, geometry_, options_.ns, options_.nr, state_.search);
  add_search_points(search);
  const auto enough = [&] { return !found_.choice.stopped_by.empty() && !options_.whole_curve; };
  if (enough()) return;
  DamageMeter meter(session_.model(), session_.compute(), request_, samples_, options_.ns, options_.nr,
                    residual_stride_);
  announce_search(meter, read_dense(meter));
  if (!search.state().steps.empty()) meter.commit(search.map(), 0, go_on);
  JobProgress progress(options_.common.quiet ? ProgressMode::kNone : options_.progress, "explore kld");
  const size_t n_expected = std::max<size_t>(1, steps_expected()), n_before = search.state().steps.size();
  double done = 0;
  const auto report = [&] {
    const auto taken = static_cast<double>(search.state().steps.size() - n_before);
    const double left = static_cast<double>(n_expected) - static_cast<double>(search.state().steps.size());
    const double per_step = taken > 0 ? done / taken : done + meter.layer_tokens(0);
    const double damage = search.state().steps.empty() ? 0 : search.state().steps.back().damage.total();
    progress.update(done, done + std::max(0.0, left) * per_step,
                    fmt::format("step {} of {}, s {:.3f}, damage {:.4g}, {} runs", search.state().steps.size(),
                                n_expected, search.map().borrowed_share(), damage, search.state().n_measured));
  };
  const auto measure = [&](const SharingMap& map, size_t first_layer) {
    state_.search = search.state();
    save_now_and_then();
    report();
    const Damage damage = meter.measure(map, first_layer, go_on);
    done += meter.layer_tokens(first_layer);
    return damage;
  };
  try {
    while (const auto step = search.next(measure)) {
      state_.search = search.state();
      add_search_points(search);
      if (enough() || search.state().candidates.empty()) break;
      meter.commit(search.map(), step->cell.layer, go_on);
      done += meter.layer_tokens(step->cell.layer);
    }
  } catch (const Error&) {
    state_.search = search.state();
    throw;
  }
  add_search_points(search);
}

}  // namespace proxima
