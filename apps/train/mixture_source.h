// SPDX-License-Identifier: MIT
// Samples from several sources, each as often as its share says.
#pragma once

#include <memory>

#include "apps/train/sample_source.h"

namespace proxima {

struct MixturePart {
  std::shared_ptr<const SampleSource> source;
  double share = 1;  // above 0; shares need not add up to 1
};

class MixtureSource final : public SampleSource {
 public:
  MixtureSource(std::vector<MixturePart> parts, uint64_t seed);

  Sample sample(uint64_t index, size_t length) const override;

 private:
  std::vector<MixturePart> parts_;
  std::vector<double> shares_;
  uint64_t seed_;
};

}  // namespace proxima
