// SPDX-License-Identifier: MIT
// Where a dump goes: one safetensors file, or a folder with one .npy file (NumPy format 1.0, little endian, C order) a
// tensor and a manifest.json. Bytes go straight to their place, so memory does not grow with what is dumped.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/safetensors.h"

namespace proxima {

enum class DumpFormat { kSafetensors, kNpy };

using DumpMetadata = std::map<std::string, std::string, std::less<>>;

class DumpOutput {
 public:
  virtual ~DumpOutput() = default;
  // Each byte of each tensor once, in any order.
  virtual void write(std::string_view name, size_t offset, const void* data, size_t n_bytes) = 0;
  // The file or folder appears under its name now, complete, and without finish() not at all.
  virtual void finish() = 0;
};

// Throws Error(kOutput) where it cannot be written; a folder must not exist yet.
std::unique_ptr<DumpOutput> open_dump(DumpFormat format, const std::string& path,
                                      const std::vector<TensorSpec>& tensors, const DumpMetadata& metadata);

size_t spec_bytes(const TensorSpec& spec);

}  // namespace proxima
