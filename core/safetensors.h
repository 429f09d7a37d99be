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
#include "core/output_file.h"
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

// Writes a file whose tensors are known beforehand and whose bytes arrive in any order. The file appears under `path`
// by finish(), complete or not at all (see core/output_file.h). Every failure to write throws Error(kOutput); a tensor
// named twice, written out of its range or left incomplete is a bug of the caller: std::logic_error.
class SafetensorsWriter {
 public:
  SafetensorsWriter(const std::filesystem::path& path, const std::vector<TensorSpec>& tensors,
                    const std::map<std::string, std::string, std::less<>>& metadata = {});

  // Writes n_bytes of tensor `name` from its byte `offset` on; each byte once.
  void write(std::string_view name, size_t offset, const void* data, size_t n_bytes);
  void finish();

 private:
  struct Extent {
    size_t begin;  // in the tensors' data
    size_t n_bytes;
    size_t n_written = 0;
  };
  std::map<std::string, Extent, std::less<>> extents_;
  size_t data_begin_ = 0;  // in the file
  OutputFile file_;
};

}  // namespace proxima
