// SPDX-License-Identifier: MIT
// One prompt through a model with everything chosen explicitly, its logits of all positions and, if asked for, the
// residual stream after each layer kept in memory: what `selfcheck` compares.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/session.h"
#include "apps/tensor_error.h"
#include "model/point_layout.h"

namespace proxima {

struct RunSetup {
  Precision precision = Precision::kF32;
  SimdTarget target = SimdTarget::kScalar;
  int n_threads = 1;
  size_t chunk = 1;
  std::optional<SharingMap> map = {};  // PoD with it; dense where absent
  bool keep_layers = false;            // resid_post too
  size_t saved_at = 0;                 // the cache goes through a file after so many tokens; 0: it does not
};

class RecordedRun {
 public:
  // Throws Error(kInterrupt) where the user interrupts, Error(kNonFinite) where the last logits are not finite and
  // Error(kOutput) where the cache cannot be saved in the folder for temporary files.
  RecordedRun(const Model& model, std::span<const TokenId> ids, const RunSetup& setup);

  RowsView logits() const { return rows({Point::kLogits, 0}); }                         // [T, vocab]
  RowsView resid_post(size_t layer) const { return rows({Point::kResidPost, layer}); }  // [T, hidden]
  size_t n_layers() const { return tensors_.size() - 1; }                               // kept

 private:
  RowsView rows(const NamedPoint& point) const;

  DType dtype_;
  size_t n_tokens_;
  std::map<NamedPoint, std::vector<std::byte>> tensors_;
};

// Where the bits of two runs' logits first differ, for people; nothing where they are the same.
std::optional<std::string> first_difference(const RowsView& a, const RowsView& b);

}  // namespace proxima
