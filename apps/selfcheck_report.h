// SPDX-License-Identifier: MIT
// What `selfcheck` found, for people and for programs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/tensor_error.h"
#include "model/transformer.h"

namespace proxima {

// Two runs whose logits must have the same bits.
struct BitCheck {
  std::string name;
  Precision precision;
  size_t n_tokens;
  std::optional<std::string> difference;  // none: the same bits
};

// One tensor of `fast` against f64.
struct FastError {
  std::string name;
  double max_abs;  // NaN where one of the two is not finite
  double nmse;
};

struct SelfcheckReport {
  std::string model;
  std::string tokens;  // how many and whence
  std::vector<BitCheck> checks;
  double nmse_limit = 0;  // of each of `fast`
  std::vector<FastError> fast;
  TopAgreement top;  // of fast's logits

  size_t n_checks() const { return checks.size() + fast.size(); }
  size_t n_failed() const;
};

std::string report_text(const SelfcheckReport& report);
std::string report_json(const SelfcheckReport& report);

}  // namespace proxima
