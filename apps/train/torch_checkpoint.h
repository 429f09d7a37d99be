// SPDX-License-Identifier: MIT
// The state of a training run as one safetensors file, replaced whole: a run that is killed while it writes keeps the
// one before.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>

namespace proxima {

struct TrainingState {
  size_t step = 0;  // steps done
  size_t tokens = 0;
  size_t samples = 0;  // drawn
  double seconds = 0;
};

class TorchCheckpoint {
 public:
  // `identity`: all that decides the result.
  TorchCheckpoint(std::filesystem::path path, std::map<std::string, std::string> identity)
      : path_(std::move(path)), identity_(std::move(identity)) {}

  bool exists() const { return std::filesystem::exists(path_); }
  void write(const TrainingState& state, const at::Tensor& weights, const at::Tensor& mean,
             const at::Tensor& square) const;
  // Fills the three vectors. Throws Error(kInput) for a damaged file and for one of another run, naming what differs.
  TrainingState read(at::Tensor& weights, at::Tensor& mean, at::Tensor& square) const;

 private:
  std::filesystem::path path_;
  std::map<std::string, std::string> identity_;
};

}  // namespace proxima
