// SPDX-License-Identifier: MIT
#include "test/planted.h"

#include <cstring>
#include <stdexcept>
#include <vector>

#include "core/safetensors.h"
#include "test/stored_matrix.h"

namespace proxima::test {
namespace {

void encode(DType dtype, double value, std::byte* to) {
  const auto put = [&](auto stored) { std::memcpy(to, &stored, sizeof stored); };
  switch (dtype) {
    case DType::kF64:
      return put(value);
    case DType::kF32:
      return put(static_cast<float>(value));
    case DType::kF16:
      return put(round_to_f16(static_cast<float>(value)));
    case DType::kBF16:
      return put(round_to_bf16(static_cast<float>(value)));
    case DType::kI64:
      return put(static_cast<int64_t>(value));
    default:
      throw std::logic_error("plant: no such dtype");
  }
}

double decode_any(DType dtype, const std::byte* from) {
  if (dtype != DType::kI64) return decode(dtype, from);
  int64_t value;
  std::memcpy(&value, from, sizeof value);
  return static_cast<double>(value);
}

// Calls edit(name, bytes) for each tensor; an emptied name drops it.
void rewrite(const std::filesystem::path& path,
             const std::function<void(std::string&, const TensorView&, std::vector<std::byte>&)>& edit) {
  std::vector<TensorSpec> specs;
  std::vector<std::vector<std::byte>> contents;
  std::map<std::string, std::string, std::less<>> metadata;
  {
    const SafetensorsFile file(path);
    metadata = file.metadata();
    for (const auto& [old_name, view] : file.tensors()) {
      std::string name = old_name;
      std::vector<std::byte> bytes(view.data, view.data + view.n_bytes());
      edit(name, view, bytes);
      if (name.empty()) continue;
      specs.push_back({name, view.dtype, view.shape});
      contents.push_back(std::move(bytes));
    }
  }
  SafetensorsWriter writer(path, specs, metadata);
  for (size_t index = 0; index < specs.size(); ++index) {
    writer.write(specs[index].name, 0, contents[index].data(), contents[index].size());
  }
  writer.finish();
}

}  // namespace

void plant(const std::filesystem::path& file, const std::string& tensor, size_t first, size_t count,
           const std::function<double(double)>& change) {
  bool found = false;
  rewrite(file, [&](const std::string& name, const TensorView& view, std::vector<std::byte>& bytes) {
    if (name != tensor) return;
    found = true;
    const size_t width = dtype_bytes(view.dtype);
    if (first + count > view.n_elements()) throw std::logic_error("plant: beyond the tensor");
    for (size_t index = first; index < first + count; ++index) {
      std::byte* element = bytes.data() + index * width;
      encode(view.dtype, change(decode_any(view.dtype, element)), element);
    }
  });
  if (!found) throw std::logic_error("plant: no tensor " + tensor);
}

void remove_tensor(const std::filesystem::path& file, const std::string& tensor) {
  rename_tensor(file, tensor, "");
}

void rename_tensor(const std::filesystem::path& file, const std::string& tensor, const std::string& name) {
  rewrite(file, [&](std::string& each, const TensorView&, std::vector<std::byte>&) {
    if (each == tensor) each = name;
  });
}

}  // namespace proxima::test
