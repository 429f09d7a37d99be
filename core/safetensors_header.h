// SPDX-License-Identifier: MIT
// Reading a safetensors container from bytes that lie in memory: the whole check of SafetensorsFile, without the file.
#pragma once

#include <cstddef>
#include <map>
#include <span>
#include <string>

#include "core/tensor_view.h"

namespace proxima {

struct SafetensorsHeader {
  std::map<std::string, TensorView, std::less<>> tensors;  // views into the bytes that were parsed
  std::map<std::string, std::string, std::less<>> metadata;
};

// `where` begins every message. Throws Error(kInput).
SafetensorsHeader parse_safetensors(std::span<const std::byte> file, const std::string& where);

}  // namespace proxima
