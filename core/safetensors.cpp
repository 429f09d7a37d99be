// SPDX-License-Identifier: MIT
#include "core/safetensors.h"

#include <utility>

#include "core/safetensors_header.h"

namespace proxima {

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : path_(path), file_(path) {
  SafetensorsHeader header = parse_safetensors(file_.bytes(), path.string());
  tensors_ = std::move(header.tensors);
  metadata_ = std::move(header.metadata);
}

}  // namespace proxima
