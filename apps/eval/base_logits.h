// SPDX-License-Identifier: MIT
// The logits that other runs are compared with: those of one window in memory, or all of a run in a safetensors file:
//   windows.<i>.ids     I64 [T]
//   windows.<i>.logits  F64 or F32 [rows, vocab], rows in the order of the scored targets
// with the settings of the run in the metadata. While such a file is made, each window is a file of its own beside it
// (FILE.window-<i>), so that an interrupted run goes on; they are joined at the end.
#pragma once

#include <cstddef>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "core/safetensors.h"
#include "model/config.h"

namespace proxima {

// Rows of one window in the dtype they were computed in.
class LogitRows {
 public:
  LogitRows(DType dtype, size_t vocab) : dtype_(dtype), vocab_(vocab) {}
  explicit LogitRows(const TensorView& view);  // [rows, vocab]; the file must outlive it

  void add(std::span<const double> logits);
  std::span<const double> row(size_t index);  // valid until the next call

  size_t n_rows() const { return n_rows_; }
  const std::byte* data() const { return view_ != nullptr ? view_ : own_.data(); }
  size_t n_bytes() const { return n_rows_ * vocab_ * dtype_bytes(dtype_); }

 private:
  DType dtype_;
  size_t vocab_;
  size_t n_rows_ = 0;
  std::vector<std::byte> own_;
  const std::byte* view_ = nullptr;
  std::vector<double> row_;
};

struct BaseShape {
  DType dtype = DType::kF32;
  size_t n_windows = 0;
  size_t length = 0;  // ids of a window
  size_t n_rows = 0;  // of a window
  size_t vocab = 0;

  size_t n_bytes() const { return n_windows * (length * 8 + n_rows * vocab * dtype_bytes(dtype)); }
};

class BaseWriter {
 public:
  // `settings` decide whether windows of an earlier run count. Throws Error(kOutput) if the folder cannot be written.
  BaseWriter(const std::string& path, const BaseShape& shape, const nlohmann::ordered_json& settings);

  bool has(size_t window, std::span<const TokenId> ids) const;
  void write(size_t window, std::span<const TokenId> ids, const LogitRows& rows);
  void finish();  // joins the windows and removes their files

 private:
  std::string part_path(size_t window) const;
  std::vector<TensorSpec> specs(size_t window) const;

  std::string path_;
  BaseShape shape_;
  std::string settings_;  // JSON text
};

class BaseFile {
 public:
  // Throws Error(kInput) for a file that BaseWriter has not written.
  explicit BaseFile(const std::string& path);

  const std::string& settings() const { return settings_; }  // JSON text
  // Throws Error(kInput) where the ids differ from those of the file or the shape from what is asked.
  LogitRows rows(size_t window, std::span<const TokenId> ids, size_t n_rows, size_t vocab) const;

 private:
  std::string path_;
  SafetensorsFile file_;
  std::string settings_;
};

}  // namespace proxima
