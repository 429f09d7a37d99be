// SPDX-License-Identifier: MIT
// The safetensors container: 8 bytes of header length (little endian), a JSON header, then the tensors' bytes.
// Format facts: https://github.com/huggingface/safetensors. Tensor data may start at any byte.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/mapped_file.h"
#include "core/tensor_view.h"

namespace proxima {

// A mapped file whose header has been checked completely: sizes, dtypes, shapes, overflow, offsets contiguous and
// covering the file, no name twice. Views stay valid as long as the object lives.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);  // throws Error(kInput)

  const std::filesystem::path& path() const { return path_; }
  const std::map<std::string, TensorView, std::less<>>& tensors() const { return tensors_; }
  const std::map<std::string, std::string, std::less<>>& metadata() const { return metadata_; }

 private:
  std::filesystem::path path_;
  MappedFile file_;
  std::map<std::string, TensorView, std::less<>> tensors_;
  std::map<std::string, std::string, std::less<>> metadata_;
};

struct TensorSpec {
  std::string name;
  DType dtype = DType::kF32;
  std::vector<size_t> shape;
};

// Writes a file whose tensors are known beforehand and whose bytes arrive in any order. Everything goes to a temporary
// name beside `path`; finish() syncs and renames, the destructor of an unfinished writer removes the temporary file.
// Every failure to write throws Error(kOutput).
class SafetensorsWriter {
 public:
  SafetensorsWriter(const std::filesystem::path& path, const std::vector<TensorSpec>& tensors,
                    const std::map<std::string, std::string, std::less<>>& metadata = {});
  ~SafetensorsWriter();
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

  // Writes n_bytes of tensor `name` from its byte `offset` on.
  void write(std::string_view name, size_t offset, const void* data, size_t n_bytes);
  void finish();

 private:
  struct Extent {
    size_t begin;
    size_t n_bytes;
  };
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  std::map<std::string, Extent, std::less<>> extents_;
  int descriptor_ = -1;
};

}  // namespace proxima
