// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "core/error.h"
#include "core/quote.h"
#include "core/safetensors.h"

namespace proxima {

namespace {

constexpr size_t kAlignment = 8;  // where the data begins, so that every element of every tensor is aligned

size_t spec_bytes(const TensorSpec& spec) {
  size_t n_bytes = dtype_bytes(spec.dtype);
  for (const size_t dimension : spec.shape) {
    if (__builtin_mul_overflow(n_bytes, dimension, &n_bytes)) {
      throw std::logic_error("SafetensorsWriter: size of tensor " + quote(spec.name) + " overflows");
    }
  }
  return n_bytes;
}

// Wide elements first, as the reference implementation lays files out: then no tensor needs padding before it.
std::vector<const TensorSpec*> in_file_order(const std::vector<TensorSpec>& tensors) {
  std::vector<const TensorSpec*> order;
  for (const TensorSpec& spec : tensors) order.push_back(&spec);
  std::stable_sort(order.begin(), order.end(), [](const TensorSpec* a, const TensorSpec* b) {
    return dtype_bytes(a->dtype) > dtype_bytes(b->dtype);
  });
  return order;
}

std::string encode(const nlohmann::ordered_json& header, const std::filesystem::path& path) {
  std::string text;
  try {
    text = header.dump();
  } catch (const nlohmann::json::exception&) {
    fail(ErrorKind::kOutput, "{}: a tensor name or a metadata text is not valid UTF-8", path.string());
  }
  text.resize((text.size() + kAlignment - 1) / kAlignment * kAlignment, ' ');
  std::string length;
  for (size_t index = 0; index < sizeof(uint64_t); ++index) {
    length += static_cast<char>(text.size() >> (8 * index) & 0xFFU);
  }
  return length + text;
}

}  // namespace

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path, const std::vector<TensorSpec>& tensors,
                                     const std::map<std::string, std::string, std::less<>>& metadata)
    : file_(path) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  size_t n_data = 0;
  for (const TensorSpec* spec : in_file_order(tensors)) {
    const size_t n_bytes = spec_bytes(*spec);
    if (spec->name == "__metadata__" || !extents_.try_emplace(spec->name, Extent{n_data, n_bytes}).second) {
      throw std::logic_error("SafetensorsWriter: tensor name " + quote(spec->name) + " is reserved or used twice");
    }
    header[spec->name] = {
        {"dtype", dtype_name(spec->dtype)}, {"shape", spec->shape}, {"data_offsets", {n_data, n_data + n_bytes}}};
    n_data += n_bytes;
  }
  const std::string head = encode(header, path);
  data_begin_ = head.size();
  file_.set_size(data_begin_ + n_data);
  file_.write_at(0, head.data(), head.size());
}

void SafetensorsWriter::write(std::string_view name, size_t offset, const void* data, size_t n_bytes) {
  const auto found = extents_.find(name);
  if (found == extents_.end()) throw std::logic_error("SafetensorsWriter: no tensor " + quote(name));
  Extent& extent = found->second;
  if (offset > extent.n_bytes || n_bytes > extent.n_bytes - offset) {
    throw std::logic_error("SafetensorsWriter: bytes beyond tensor " + quote(name));
  }
  file_.write_at(data_begin_ + extent.begin + offset, data, n_bytes);
  extent.n_written += n_bytes;
}

void SafetensorsWriter::finish() {
  for (const auto& [name, extent] : extents_) {
    if (extent.n_written != extent.n_bytes) {
      throw std::logic_error(fmt::format("SafetensorsWriter: {} of {} bytes of tensor {} were written",
                                         extent.n_written, extent.n_bytes, quote(name)));
    }
  }
  file_.finish();
}

}  // namespace proxima
