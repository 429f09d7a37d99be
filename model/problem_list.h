// SPDX-License-Identifier: MIT
// Collects what is wrong with a checkpoint, so that one message tells everything and not just the first finding.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace proxima {

class ProblemList {
 public:
  // `kind` completes "3 tensors are ...": "missing", "unexpected".
  void add(const std::string& kind, std::string item);
  bool empty() const { return kinds_.empty(); }

  // "2 missing: a, b; 9 unexpected: c, d, e, f, g and 4 more", kinds and items in the order of their first add().
  std::string summary() const;

 private:
  std::vector<std::pair<std::string, std::vector<std::string>>> kinds_;
};

}  // namespace proxima
