// SPDX-License-Identifier: MIT
// Parallel loops that are plain loops where one thread does them: opening a team costs up to half a microsecond even if
// it is a team of one, and a decode step has hundreds of loops.
#pragma once

#include <omp.h>

#include <cstddef>

namespace proxima {

// Calls f(thread) on n_threads threads, or on fewer where the system gives fewer.
template <class F>
void on_threads(int n_threads, const F& f) {
  if (n_threads == 1) return f(size_t{0});
#pragma omp parallel num_threads(n_threads)
  f(static_cast<size_t>(omp_get_thread_num()));
}

// Calls f(i) for each i in [0, n); neighbours on the same thread.
template <class F>
void for_each_index(int n_threads, size_t n, const F& f) {
  if (n_threads == 1) {
    for (size_t i = 0; i < n; ++i) f(i);
    return;
  }
#pragma omp parallel for schedule(static) num_threads(n_threads)
  for (size_t i = 0; i < n; ++i) f(i);
}

}  // namespace proxima
