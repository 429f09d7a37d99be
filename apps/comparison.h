// SPDX-License-Identifier: MIT
// Two files of activations, tensor by tensor in the order of computation, and a verdict.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apps/activation_file.h"

namespace proxima {

// What is not given is not checked; where nothing is given, ElementLimits follow the coarser of the two dtypes.
struct CompareLimits {
  std::optional<double> atol;
  std::optional<double> rtol;
  std::optional<double> nmse;
};

enum class TensorStatus {
  kAgrees,
  kDiverges,     // beyond a limit, or NaN
  kMisshapen,    // shapes, dtypes or positions that cannot be compared
  kMissing,      // a point of the forward pass that only the reference has
  kExtra,        // only the other file has it: not checked
  kUnknownName,  // no point of the forward pass, and only in the reference: not checked
};
std::string_view tensor_status_name(TensorStatus status);  // "agrees", "missing in GOT"

struct TensorResult {
  std::string name;
  TensorStatus status = TensorStatus::kAgrees;
  std::string note;  // why it is misshapen, or which rows were compared
  std::vector<size_t> ref_shape, got_shape;
  size_t first_row = 0;  // position of row 0 of `error`
  size_t n_rows = 0;     // compared
  std::optional<TensorError> error;
  std::optional<TopAgreement> top;  // logits

  bool compared() const { return error.has_value(); }
  bool failed() const {
    return status == TensorStatus::kDiverges || status == TensorStatus::kMisshapen || status == TensorStatus::kMissing;
  }
};

struct Comparison {
  bool ids_compared = false;
  std::optional<std::string> ids_note;  // how the ids differ, or why they were not compared
  bool ids_differ = false;              // then no tensor was compared
  std::vector<TensorResult> tensors;

  const TensorResult* first_divergent() const;  // diverges or is misshapen
  bool agrees() const;
  std::string verdict() const;  // one line
};

// `patterns` chooses names, separated by commas, * stands for any text. Throws Error(kUsage) for one that matches
// nothing and Error(kInput) where the files have no tensor in common.
Comparison compare_activations(const ActivationFile& ref, const ActivationFile& got, const CompareLimits& limits,
                               const std::string& patterns);

}  // namespace proxima
