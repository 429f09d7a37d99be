// SPDX-License-Identifier: MIT
#include "apps/train/mixture_source.h"

#include "apps/eval/random_stream.h"

namespace proxima {

MixtureSource::MixtureSource(std::vector<MixturePart> parts, uint64_t seed) : parts_(std::move(parts)), seed_(seed) {
  for (const MixturePart& part : parts_) shares_.push_back(part.share);
}

Sample MixtureSource::sample(uint64_t index, size_t length) const {
  return parts_[RandomStream(seed_ + index, "mixture").weighted(shares_)].source->sample(index, length);
}

}  // namespace proxima
