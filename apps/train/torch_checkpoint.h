// SPDX-License-Identifier: MIT
// The state of a training run as one safetensors file, replaced whole: a run that is killed while it writes keeps the
// one before.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace proxima {

struct TrainingState {
  size_t step = 0;  // steps done
  size_t tokens = 0;
  size_t samples = 0;  // drawn
  double seconds = 0;
};

// float32, any number of numbers.
struct TrainingTensor {
  std::string name;
  at::Tensor values;
};

class TorchCheckpoint {
 public:
  // `identity`: all that decides the result.
  TorchCheckpoint(std::filesystem::path path, std::map<std::string, std::string> identity)
      : path_(std::move(path)), identity_(std::move(identity)) {}

  bool exists() const { return std::filesystem::exists(path_); }
  void write(const TrainingState& state, const std::vector<TrainingTensor>& tensors) const;
  // Fills the tensors. Throws Error(kInput) for a damaged file and for one of another run, naming what differs.
  TrainingState read(const std::vector<TrainingTensor>& tensors) const;

 private:
  std::filesystem::path path_;
  std::map<std::string, std::string> identity_;
};

}  // namespace proxima
