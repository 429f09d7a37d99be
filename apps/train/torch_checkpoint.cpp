// SPDX-License-Identifier: MIT
#include "apps/train/torch_checkpoint.h"

#include <ATen/ATen.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/safetensors.h"

namespace proxima {
namespace {

using nlohmann::json;

constexpr const char* kFormat = "proxima.training/1";

void check_identity(const json& saved, const std::map<std::string, std::string>& identity, const std::string& path) {
  for (const auto& [name, value] : identity) {
    const std::string before = saved.value(name, "unknown");
    if (before == value) continue;
    fail(ErrorKind::kInput,
         "{}: made with {} {}, now it is {}; give the same options, another -o, or --restart to begin anew", path, name,
         before, value);
  }
}

}  // namespace

void TorchCheckpoint::write(const TrainingState& state, const std::vector<TrainingTensor>& tensors) const {
  const json text = {{"format", kFormat},        {"step", state.step},       {"tokens", state.tokens},
                     {"samples", state.samples}, {"seconds", state.seconds}, {"identity", identity_}};
  std::vector<TensorSpec> specs;
  for (const auto& [name, values] : tensors) {
    specs.push_back({name, DType::kF32, {static_cast<size_t>(values.numel())}});
  }
  SafetensorsWriter writer(path_, specs, {{"training", text.dump()}});
  for (const auto& [name, values] : tensors) writer.write(name, 0, values.data_ptr(), values.nbytes());
  writer.finish();
}

TrainingState TorchCheckpoint::read(const std::vector<TrainingTensor>& tensors) const {
  const SafetensorsFile file(path_);
  TrainingState state;
  try {
    const json text = json::parse(file.metadata().at("training"));
    if (text.at("format") != kFormat) throw std::out_of_range("format");
    check_identity(text.at("identity"), identity_, path_.string());
    state = {text.at("step"), text.at("tokens"), text.at("samples"), text.at("seconds")};
    for (const auto& [name, values] : tensors) {
      const TensorView& view = file.tensors().at(name);
      if (view.dtype != DType::kF32 || view.n_bytes() != values.nbytes()) throw std::out_of_range(name);
      std::memcpy(values.data_ptr(), view.data, view.n_bytes());
    }
  } catch (const std::logic_error&) {
    fail(ErrorKind::kInput, "{}: not a checkpoint of such a run; --restart begins anew", path_.string());
  } catch (const json::exception&) {
    fail(ErrorKind::kInput, "{}: not a checkpoint of such a run; --restart begins anew", path_.string());
  }
  return state;
}

}  // namespace proxima
