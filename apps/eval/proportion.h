// SPDX-License-Identifier: MIT
// 95 % confidence intervals of shares counted on independent trials.
#pragma once

#include <cstddef>

namespace proxima {

struct Interval {
  double low = 0;
  double high = 0;
};

// Of the share n_hits / n (Wilson 1927); n > 0.
Interval share_interval(size_t n_hits, size_t n);

// Of the difference of two shares on the same n trials, of which n_gained were hits only of the second and n_lost only
// of the first: second minus first (Agresti and Min 2005, half a trial added to each kind); n > 0.
Interval paired_difference_interval(size_t n_gained, size_t n_lost, size_t n);

}  // namespace proxima
