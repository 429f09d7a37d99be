// SPDX-License-Identifier: MIT
// A checkpoint's tensors under the names the forward pass uses: views into mapped files, nothing copied.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "core/tensor_view.h"
#include "model/config.h"

namespace proxima {

// The safetensors files of a Hugging Face folder: model.safetensors, or the shards that
// model.safetensors.index.json names (the index is the truth: each tensor in exactly the shard it says). Other
// safetensors files in the folder are not part of the checkpoint, but a model.safetensors beside an index that does not
// name it is an error: nobody can tell which of the two is meant.
class Checkpoint {
 public:
  explicit Checkpoint(const std::filesystem::path& dir);  // reads headers only; throws Error(kInput)

  const std::map<std::string, TensorView, std::less<>>& tensors() const { return tensors_; }
  const std::vector<SafetensorsFile>& files() const { return files_; }
  size_t n_bytes() const;  // of all tensors

 private:
  std::vector<SafetensorsFile> files_;
  std::map<std::string, TensorView, std::less<>> tensors_;
};

class Int8Matrix;

struct LinearWeights {
  TensorView weight;                 // [out, in]
  TensorView bias;                   // [out], or empty
  const Int8Matrix* int8 = nullptr;  // of the weight, see model/int8_weights.h; belongs to the Model
};

// Families that fuse matrices store their rows one after the other; the views are slices of such a tensor.
struct LayerWeights {
  TensorView attn_norm;       // [hidden]
  LinearWeights q;            // [n_heads * head_dim, hidden]
  LinearWeights k;            // [n_kv_heads * head_dim, hidden]
  LinearWeights v;            // [n_kv_heads * head_dim, hidden]
  TensorView q_norm;          // [head_dim], or empty
  TensorView k_norm;          // [head_dim], or empty
  LinearWeights o;            // [hidden, n_heads * head_dim]
  TensorView attn_post_norm;  // [hidden], or empty
  TensorView mlp_norm;        // [hidden]
  LinearWeights gate;         // [intermediate, hidden]
  LinearWeights up;           // [intermediate, hidden]
  LinearWeights down;         // [hidden, intermediate]
  TensorView mlp_post_norm;   // [hidden], or empty
};

struct Weights {
  TensorView embed;  // [vocab, hidden]
  std::vector<LayerWeights> layers;
  TensorView final_norm;  // [hidden]
  LinearWeights lm_head;  // [vocab, hidden]; the embedding where the two are tied
};

// Binds every tensor the config calls for. All missing, unexpected, misshapen and wrongly typed tensors are reported in
// one Error(kInput) before any data is read. Tensors may be BF16, F16 or F32, each its own. An lm_head.weight beside
// tied embeddings must be a byte-identical copy of the embedding: that is the one case that reads data.
Weights bind_weights(const ModelConfig& config, const Checkpoint& checkpoint);

// Scans every weight and throws Error(kInput) naming the tensor and the element if one is NaN or infinite. Costs one
// pass over the checkpoint.
void check_weights_finite(const Checkpoint& checkpoint);

// A folder, opened: immutable, shareable between sequences. Views in `weights` point into `checkpoint` and
// `quantized`.
struct Model {
  std::filesystem::path dir;
  ModelConfig config;
  Checkpoint checkpoint;
  Weights weights;
  std::vector<std::shared_ptr<const Int8Matrix>> quantized = {};
};

Model open_model(const std::filesystem::path& dir);

}  // namespace proxima
