// SPDX-License-Identifier: MIT
// Stops a run at its first value that is not finite.
#pragma once

#include "model/observer.h"

namespace proxima {

// Looks at every tensor of every layer, and at whatever else the observer behind it sees, in the order of computation;
// throws Error(kNonFinite) naming tensor, layer and position. It does not ask for the logits of a whole prompt: those
// that are used are checked anyway. `next` may be null and must outlive it; it sees only what is finite.
class FiniteCheck final : public Observer {
 public:
  explicit FiniteCheck(Observer* next = nullptr) : next_(next) {}

  bool wants(Point point, size_t layer) const override;
  bool wants_scores(size_t layer, size_t query) const override;
  void observe(const Observation& seen) override;

 private:
  Observer* next_;
};

}  // namespace proxima
