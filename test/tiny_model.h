// SPDX-License-Identifier: MIT
// Random model folders of any family and small shape for tests: config.json and model.safetensors or shards with their
// index.
//
// The numbers come from a generator of our own, so a seed gives the same weights on every machine. Each tensor has its
// own stream, seeded by `seed` and its name: the values do not depend on dtype (they are rounded to it), on the number
// of shards or on the order of writing. Matrices have mean 0 and variance 1 / fan-in (query and key twice that, so that
// attention is not flat), norm weights lie in [0.5, 1.5] (in [-0.5, 0.5] where the family adds 1), biases in [-0.3,
// 0.3], embeddings have variance 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/dtype.h"
#include "core/safetensors.h"

namespace proxima::test {

// A fresh folder, removed with everything in it when the object goes.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct TinyModelOptions {
  size_t hidden = 64;
  size_t layers = 2;
  size_t heads = 4;
  size_t kv_heads = 2;
  size_t head_dim = 16;
  size_t intermediate = 96;
  size_t vocab = 128;
  size_t max_position = 4096;
  bool attention_bias = false;  // q, k, v and o; qwen2 has biases of q, k and v whatever stands here
  bool mlp_bias = false;        // gate, up and down
  bool tied = false;            // no lm_head.weight
  DType dtype = DType::kF32;    // F64, F32, F16 or BF16

  // Members of config.json, spliced in as they are; anything a test wants to say about RoPE goes here.
  std::string rope_json = R"("rope_theta": 10000.0, "rope_scaling": null)";
  std::string model_type = "llama";
  // Likewise, what its family says beside; ends in a comma where it is not empty.
  std::string family_json = {};

  size_t n_shards = 1;        // above 1: model-0000i-of-0000n.safetensors and the index
  size_t header_padding = 0;  // this many more spaces after each header: odd values misalign all tensor data
  uint64_t seed = 1;
};

// The tensors of such a model, in the order of the forward pass.
std::vector<TensorSpec> tiny_model_tensors(const TinyModelOptions& options);

// The values of one of them, before rounding to the stored dtype; what tests compute expectations from.
std::vector<double> tiny_model_values(const TinyModelOptions& options, const TensorSpec& spec);

// Writes the folder (made if absent); existing files of the same names are replaced.
void write_tiny_model(const std::filesystem::path& dir, const TinyModelOptions& options);

// Writes given values as one safetensors file, each tensor rounded to its dtype.
void write_tensors(const std::filesystem::path& path, const std::vector<TensorSpec>& tensors,
                   const std::vector<std::vector<double>>& values);

// Inserts n_spaces after a safetensors file's header.
void pad_header(const std::filesystem::path& path, size_t n_spaces);

std::string read_text(const std::filesystem::path& path);
void write_text(const std::filesystem::path& path, const std::string& text);

}  // namespace proxima::test
