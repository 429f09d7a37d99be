// SPDX-License-Identifier: MIT
// RULER's needles in a haystack.
#pragma once

#include "apps/eval/ruler_samples.h"

namespace proxima {

enum class NiahHaystack { kRepeat, kEssay, kNeedle };
enum class NiahType { kNumbers, kWords, kUuids };

struct NiahTask {
  NiahHaystack haystack;
  NiahType key;
  NiahType value;
  size_t n_keys;
  size_t n_values;  // of each key
  size_t n_queries;
};
// Of the eight tasks named niah_....
NiahTask niah_task(std::string_view task);

// size: lines, for an essay words.
RulerSample niah_sample(const NiahTask& task, size_t size, const RulerSources& sources, RandomStream& random);

// Five short sentences as one line: haystack of several tasks.
std::string_view noise_line();

}  // namespace proxima
