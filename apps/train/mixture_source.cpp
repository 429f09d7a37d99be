// SPDX-License-Identifier: MIT
#include "apps/train/mixture_source.h"

#include "apps/eval/random_stream.h"

namespace proxima {

MixtureSource::MixtureSource(std::vector<MixturePart> parts, uint64_t seed) : parts_(std::move(parts)), seed_(seed) {
  for (const MixturePart& part : parts_) total_ += part.share;
}

Sample MixtureSource::sample(uint64_t index, size_t length) const {
  double left = static_cast<double>(RandomStream(seed_ + index, "mixture").next() >> 11) * 0x1p-53 * total_;
  size_t chosen = 0;
  while (chosen + 1 < parts_.size() && left >= parts_[chosen].share) left -= parts_[chosen++].share;
  return parts_[chosen].source->sample(index, length);
}

}  // namespace proxima
