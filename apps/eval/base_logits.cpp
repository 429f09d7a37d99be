// SPDX-License-Identifier: MIT
#include "apps/eval/base_logits.h"

#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/output_file.h"

namespace proxima {
namespace {

constexpr const char* kFormat = "proxima.base-logits/1";

std::string ids_name(size_t window) {
  return fmt::format("windows.{}.ids", window);
}

std::string logits_name(size_t window) {
  return fmt::format("windows.{}.logits", window);
}

std::map<std::string, std::string, std::less<>> metadata_of(const std::string& settings) {
  return {{"format", kFormat}, {"settings", settings}};
}

bool same_ids(const TensorView& view, std::span<const TokenId> ids) {
  if (view.dtype != DType::kI64 || view.n_elements() != ids.size()) return false;
  for (size_t i = 0; i < ids.size(); ++i) {
    int64_t id;
    std::memcpy(&id, view.data + i * sizeof id, sizeof id);
    if (id != static_cast<int64_t>(ids[i])) return false;
  }
  return true;
}

template <class T>
void append_as(std::vector<std::byte>& bytes, std::span<const double> values) {
  const size_t begin = bytes.size();
  bytes.resize(begin + values.size() * sizeof(T));
  for (size_t i = 0; i < values.size(); ++i) {
    const T value = static_cast<T>(values[i]);
    std::memcpy(bytes.data() + begin + i * sizeof value, &value, sizeof value);
  }
}

template <class T>
void widen_row(const std::byte* data, std::vector<double>& row) {
  for (size_t i = 0; i < row.size(); ++i) {
    T value;
    std::memcpy(&value, data + i * sizeof value, sizeof value);
    row[i] = static_cast<double>(value);
  }
}

}  // namespace

LogitRows::LogitRows(const TensorView& view)
    : dtype_(view.dtype), vocab_(view.shape.at(1)), n_rows_(view.shape.at(0)), view_(view.data) {}

void LogitRows::add(std::span<const double> logits) {
  if (dtype_ == DType::kF64) {
    append_as<double>(own_, logits);
  } else {
    append_as<float>(own_, logits);
  }
  ++n_rows_;
}

std::span<const double> LogitRows::row(size_t index) {
  row_.resize(vocab_);
  const std::byte* begin = data() + index * vocab_ * dtype_bytes(dtype_);
  if (dtype_ == DType::kF64) {
    widen_row<double>(begin, row_);
  } else {
    widen_row<float>(begin, row_);
  }
  return row_;
}

BaseWriter::BaseWriter(const std::string& path, const BaseShape& shape, const nlohmann::ordered_json& settings)
    : path_(path), shape_(shape), settings_(settings.dump()) {
  const OutputFile writable(path_);  // found out before hours of work
}

std::string BaseWriter::part_path(size_t window) const {
  return fmt::format("{}.window-{}", path_, window);
}

std::vector<TensorSpec> BaseWriter::specs(size_t window) const {
  return {{ids_name(window), DType::kI64, {shape_.length}},
          {logits_name(window), shape_.dtype, {shape_.n_rows, shape_.vocab}}};
}

bool BaseWriter::has(size_t window, std::span<const TokenId> ids) const {
  if (!std::filesystem::exists(part_path(window))) return false;
  const SafetensorsFile part(part_path(window));
  const auto settings = part.metadata().find("settings");
  const auto found = part.tensors().find(ids_name(window));
  return settings != part.metadata().end() && settings->second == settings_ && found != part.tensors().end() &&
         same_ids(found->second, ids);
}

void BaseWriter::write(size_t window, std::span<const TokenId> ids, const LogitRows& rows) {
  SafetensorsWriter writer(part_path(window), specs(window), metadata_of(settings_));
  const std::vector<int64_t> wide(ids.begin(), ids.end());
  writer.write(ids_name(window), 0, wide.data(), wide.size() * sizeof(int64_t));
  writer.write(logits_name(window), 0, rows.data(), rows.n_bytes());
  writer.finish();
}

void BaseWriter::finish() {
  std::vector<TensorSpec> all;
  for (size_t window = 0; window < shape_.n_windows; ++window) {
    for (const TensorSpec& spec : specs(window)) all.push_back(spec);
  }
  SafetensorsWriter writer(path_, all, metadata_of(settings_));
  for (size_t window = 0; window < shape_.n_windows; ++window) {
    const SafetensorsFile part(part_path(window));
    for (const auto& [name, view] : part.tensors()) writer.write(name, 0, view.data, view.n_bytes());
  }
  writer.finish();
  for (size_t window = 0; window < shape_.n_windows; ++window) std::filesystem::remove(part_path(window));
}

BaseFile::BaseFile(const std::string& path) : path_(path), file_(path) {
  const auto format = file_.metadata().find("format");
  const auto settings = file_.metadata().find("settings");
  if (format == file_.metadata().end() || format->second != kFormat || settings == file_.metadata().end()) {
    fail(ErrorKind::kInput, "{}: is no file of base logits; make one with `proxima eval kld --save-base`", path);
  }
  settings_ = settings->second;
}

LogitRows BaseFile::rows(size_t window, std::span<const TokenId> ids, size_t n_rows, size_t vocab) const {
  const auto kept_ids = file_.tensors().find(ids_name(window));
  const auto logits = file_.tensors().find(logits_name(window));
  if (kept_ids == file_.tensors().end() || logits == file_.tensors().end()) {
    fail(ErrorKind::kInput, "{}: has no window {}; it was made of fewer windows", path_, window);
  }
  if (!same_ids(kept_ids->second, ids)) {
    fail(ErrorKind::kInput, "{}: the token ids of window {} differ; give the same text, --length and model", path_,
         window);
  }
  const TensorView& view = logits->second;
  const bool is_float = view.dtype == DType::kF64 || view.dtype == DType::kF32;
  if (!is_float || view.shape != std::vector<size_t>{n_rows, vocab}) {
    fail(ErrorKind::kInput, "{}: {} is not [{}, {}]; give the same --forced and --prompt-rows", path_,
         logits_name(window), n_rows, vocab);
  }
  return LogitRows(view);
}

}  // namespace proxima
