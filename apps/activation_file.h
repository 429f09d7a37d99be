// SPDX-License-Identifier: MIT
// The activations of a safetensors file under the names of model/observer.h, in the order of computation: a file of
// `proxima dump`, or Hugging Face's outputs as they are stacked:
//   hidden_states [L + 1, T, hidden]   [0] = embed, [i] = layers.<i - 1>.resid_post, [L] = final_norm
//   keys, values [L, n_kv_heads, T, head_dim]   layers.<i>.k_rope and layers.<i>.v
//   attentions [L, n_heads, T, T], attn_probs.<i> [n_heads, T, T]   layers.<i>.attn.scores
//   last_hidden_state [T, hidden]   final_norm
// each also with a batch axis of 1; other names as a NameMap says. Data stays in the mapped file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/tensor_error.h"
#include "core/safetensors.h"

namespace proxima {

struct StoredActivation {
  std::string name;
  size_t order = 0;               // ascending in the order of computation
  bool known = false;             // names a point of the forward pass
  std::vector<size_t> shape;      // as the file has it, without stacking and batch axes
  std::optional<RowsView> rows;   // absent where the shape or the dtype is none that an activation has
  size_t first_row = 0;           // position of the first row
  bool states_positions = false;  // whether the file says which positions its rows are
};

// From a tensor's name in a file to a name of the list above or of model/observer.h.
using NameMap = std::map<std::string, std::string, std::less<>>;
// A JSON object of such pairs. Throws Error(kInput) for one that is none or names no activation.
NameMap read_name_map(const std::string& path);

class ActivationFile {
 public:
  // Throws Error(kInput) for a damaged file, two tensors that mean the same, or token ids of a wrong kind.
  explicit ActivationFile(const std::filesystem::path& path, const NameMap& names = {});

  const std::filesystem::path& path() const { return file_.path(); }
  bool has_tensor(const std::string& name) const { return file_.tensors().contains(name); }  // by its name in the file
  const std::vector<StoredActivation>& activations() const { return activations_; }  // ordered; unknown names last
  const StoredActivation* find(const std::string& name) const;
  const std::optional<std::vector<int64_t>>& ids() const { return ids_; }

 private:
  void read_ids(const TensorView& view);
  void add(const std::string& name, const TensorView& view);
  void add_stack(const std::string& name, const TensorView& view);
  void add_one(const std::string& name, TensorView view);
  void set_positions();

  SafetensorsFile file_;
  std::vector<StoredActivation> activations_;
  std::optional<std::vector<int64_t>> ids_;
};

}  // namespace proxima
