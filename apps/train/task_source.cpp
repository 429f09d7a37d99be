// SPDX-License-Identifier: MIT
#include "apps/train/task_source.h"

#include <algorithm>

#include "apps/eval/random_stream.h"
#include "apps/explore_samples.h"
#include "core/error.h"

namespace proxima {
namespace {

// explore's tasks leave out the answer's last token, which nothing is predicted from; training needs it.
Sample whole_task(const ExploreSample& task) {
  Sample whole{task.ids, {}};
  whole.ids.push_back(task.targets.back());
  whole.roles.assign(whole.ids.size(), TokenRole::kAnswer);
  const size_t n_context = whole.ids.size() - task.targets.size();
  std::fill_n(whole.roles.begin(), std::max<size_t>(n_context, 1), TokenRole::kContext);
  if (n_context > 0) whole.roles[n_context] = TokenRole::kFirstAnswer;
  return whole;
}

void append(const Sample& task, size_t n_tokens, Sample& to) {
  const auto count = static_cast<std::ptrdiff_t>(n_tokens);
  to.ids.insert(to.ids.end(), task.ids.begin(), task.ids.begin() + count);
  to.roles.insert(to.roles.end(), task.roles.begin(), task.roles.begin() + count);
}

}  // namespace

TaskSource::TaskSource(const std::string& path, const Tokenizer& tokenizer, size_t least_length, uint64_t seed)
    : seed_(seed) {
  for (const ExploreSample& task : read_tasks(path, tokenizer, SIZE_MAX)) tasks_.push_back(whole_task(task));
  const auto n_tokens = [](const Sample& task) { return task.ids.size(); };
  const size_t shortest = n_tokens(*std::ranges::min_element(tasks_, {}, n_tokens));
  if (shortest <= least_length) return;
  fail(ErrorKind::kUsage, "{}: the shortest task has {} tokens, more than samples of {}; give longer samples", path,
       shortest, least_length);
}

Sample TaskSource::sample(uint64_t index, size_t length) const {
  RandomStream random(seed_ + index, "tasks");
  Sample sample;
  while (sample.ids.size() < length) {
    const size_t left = length - sample.ids.size();
    const Sample& task = tasks_[random.below(tasks_.size())];
    if (task.ids.size() <= left) {
      append(task, task.ids.size(), sample);
    } else if (!sample.ids.empty()) {
      append(task, left, sample);
      std::fill(sample.roles.end() - static_cast<std::ptrdiff_t>(left), sample.roles.end(), TokenRole::kContext);
    }
  }
  return sample;
}

}  // namespace proxima
