// SPDX-License-Identifier: MIT
#include "core/task_runs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <thread>

namespace proxima {
namespace {

std::vector<size_t> all_of(TaskRuns& runs, size_t thread) {
  std::vector<size_t> tasks;
  while (const auto task = runs.next(thread)) tasks.push_back(*task);
  return tasks;
}

TEST(TaskRuns, OwnTasksInOrderThenTheLastOnesOfOthers) {
  TaskRuns runs(10, 3);  // 0-2, 3-5, 6-9
  EXPECT_EQ(runs.next(2), 6U);
  EXPECT_EQ(all_of(runs, 1), (std::vector<size_t>{3, 4, 5, 9, 8, 7, 2, 1, 0}));
  EXPECT_EQ(runs.next(0), std::nullopt);
  EXPECT_EQ(runs.next(2), std::nullopt);
}

TEST(TaskRuns, FewerTasksThanThreadsAndNone) {
  TaskRuns one(1, 4);
  EXPECT_EQ(all_of(one, 0), std::vector<size_t>{0});
  TaskRuns none(0, 2);
  EXPECT_EQ(none.next(1), std::nullopt);
}

TEST(TaskRuns, EachTaskOnceUnderContention) {
  for (const size_t n_tasks : {1U, 7U, 1000U, 100000U}) {
    for (const size_t n_threads : {2U, 5U}) {
      TaskRuns runs(n_tasks, n_threads);
      std::vector<std::vector<size_t>> taken(n_threads);
      std::vector<std::thread> threads;
      for (size_t t = 1; t < n_threads; ++t) threads.emplace_back([&, t] { taken[t] = all_of(runs, t); });  // 0 is late
      for (std::thread& thread : threads) thread.join();
      taken[0] = all_of(runs, 0);
      std::vector<size_t> tasks;
      for (const auto& part : taken) tasks.insert(tasks.end(), part.begin(), part.end());
      std::ranges::sort(tasks);
      std::vector<size_t> expected(n_tasks);
      std::iota(expected.begin(), expected.end(), size_t{0});
      EXPECT_EQ(tasks, expected);
    }
  }
}

}  // namespace
}  // namespace proxima
